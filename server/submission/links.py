"""Whether event headers from another installation continue the chain that we have."""

from collections.abc import Sequence
from typing import Any

from voting.errors import VotingError
from voting.signing import statement_hash

FIELDS = frozenset({"session", "seq", "prev", "type", "time", "actor", "payload_hash", "hash"})
GENESIS = "0" * 64


class BadHeaders(Exception):
    """These are no headers of that session, or not one after the other; `seq` is the first bad."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"header {seq}")
        self.seq = seq


def check_links(session: str, headers: Sequence[dict[str, Any]]) -> None:
    """Each header has the hash it says, and each follows the one before. Raises BadHeaders."""
    before: dict[str, Any] | None = None
    for place, header in enumerate(headers):
        seq = before["seq"] + 1 if before else header.get("seq", 0)
        if not _well_formed(session, header) or header["seq"] != seq:
            raise BadHeaders(seq if isinstance(seq, int) else place)
        if before is not None and header["prev"] != before["hash"]:
            raise BadHeaders(seq)
        if seq == 1 and header["prev"] != GENESIS:
            raise BadHeaders(seq)
        before = header


def _well_formed(session: str, header: dict[str, Any]) -> bool:
    if set(header) != FIELDS or header["session"] != session:
        return False
    if type(header["seq"]) is not int or header["seq"] < 1:
        return False
    content = {name: value for name, value in header.items() if name != "hash"}
    try:
        return bool(statement_hash(content) == header["hash"])
    except VotingError:
        return False
