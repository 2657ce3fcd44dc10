"""What a headless member checks of the log it is shown: links, signed heads, signed answers.

The same checks as a browser's (web/src/lib/session/watch.ts), by the keys told at sign-in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from server.session.times import to_text
from voting.signing import PublicKey, from_base64url, statement_hash

COVERED = ("seq", "prev", "type", "time", "actor", "payload_hash")


class HistoryChanged(Exception):
    """The log is not what this device has seen, or not signed as it should be."""


def _signed_time(text: str) -> str:
    return to_text(datetime.fromisoformat(text))


@dataclass(slots=True)
class Watch:
    """One session's log as this device follows it. Every check raises HistoryChanged."""

    session: str
    seal: PublicKey
    witness: PublicKey | None
    headers: list[dict[str, Any]] = field(default_factory=list)  # consecutive, without repeats
    answers: dict[int, str] = field(default_factory=dict)  # hashes promised for lines to come

    @classmethod
    def of(cls, session: str, installation: Mapping[str, Any]) -> "Watch":
        """`installation` as `/api/me` tells it; its keys are those kept from the sign-in on."""
        told = installation["witness"]
        witness = PublicKey.from_spki(from_base64url(told["spki"])) if told else None
        seal = PublicKey.from_spki(from_base64url(installation["seal"]["spki"]))
        return cls(session, seal, witness)

    def take(
        self,
        headers: list[dict[str, Any]],
        head: Mapping[str, Any],
        witnessed: Mapping[str, Any] | None,
    ) -> None:
        """One snapshot or update: its lines, and the head and countersignature then in view."""
        for header in headers:
            self._line(header)
        self._head(head)
        if witnessed and self.witness:
            self._countersigned(witnessed, self.witness)

    def answered(self, ack: Mapping[str, Any], subject: str) -> None:
        """The installation's word that `subject` stands in this very log."""
        said = {
            "purpose": "ack",
            "session": self.session,
            "seq": ack["seq"],
            "hash": ack["hash"],
            "time": _signed_time(ack["time"]),
            "subject": subject,
        }
        known = self._known(ack["seq"])
        if ack["subject"] != subject or known not in (None, ack["hash"]):
            raise HistoryChanged(f"the answer for line {ack['seq']} is about something else")
        if not self.seal.verify(said, ack["signature"]):
            raise HistoryChanged(f"the answer for line {ack['seq']} is not signed")
        if known is None:
            self.answers[ack["seq"]] = ack["hash"]

    def _known(self, seq: int) -> str | None:
        first = self.headers[0]["seq"] if self.headers else seq + 1
        place = seq - first
        return self.headers[place]["hash"] if 0 <= place < len(self.headers) else None

    def _line(self, header: dict[str, Any]) -> None:
        seq, last = header["seq"], self.headers[-1] if self.headers else None
        if last and seq <= last["seq"]:
            if self._known(seq) not in (None, header["hash"]):
                raise HistoryChanged(f"line {seq} has changed")
            return
        if last and (seq != last["seq"] + 1 or header["prev"] != last["hash"]):
            raise HistoryChanged(f"line {seq} does not follow line {last['seq']}")
        covered = {"session": self.session} | {name: header[name] for name in COVERED}
        if statement_hash(covered) != header["hash"]:
            raise HistoryChanged(f"line {seq} has another hash")
        if self.answers.pop(seq, header["hash"]) != header["hash"]:
            raise HistoryChanged(f"line {seq} is not the one that was acknowledged")
        self.headers.append(header)

    def _head(self, head: Mapping[str, Any]) -> None:
        said = {
            "session": self.session,
            "seq": head["seq"],
            "hash": head["hash"],
            "time": _signed_time(head["time"]),
        }
        if head["key_id"] != self.seal.key_id or not self.seal.verify(said, head["signature"]):
            raise HistoryChanged(f"the head at line {head['seq']} is not signed by the known key")
        if self._known(head["seq"]) != head["hash"]:
            raise HistoryChanged(f"the head at line {head['seq']} is of another log")

    def _countersigned(self, told: Mapping[str, Any], key: PublicKey) -> None:
        said = {"purpose": "countersignature", "session": self.session}
        said |= {name: told[name] for name in ("seq", "head", "received_at")}
        if told["key_id"] != key.key_id or not key.verify(said, told["signature"]):
            raise HistoryChanged(f"the countersignature of line {told['seq']} is forged")
        if self._known(told["seq"]) not in (None, told["head"]):
            raise HistoryChanged(f"the committee has another line {told['seq']}")
