"""What a view shows so that a member's device can check it: keys and countersignatures."""

from datetime import datetime
from typing import Literal

from server.http.model import Model


class Witnessed(Model):
    """The upper committee's countersignature of a head, as the log has it."""

    seq: int
    head: str
    received_at: str  # exactly as signed
    key_id: str
    signature: str  # over {purpose: "countersignature", session, seq, head, received_at}


class DeviceKeyShown(Model):
    """A key of mine in this session's log: what it signed is said to be by me."""

    key_id: str
    label: str
    certified_at: datetime
    revoked_at: datetime | None


class Review(Model):
    """What the upper committee decided about the newest report."""

    state: Literal["accepted", "returned"]
    note: str
    at: datetime
    asks: bool  # for a correction that nobody has written yet


class CorrectionShown(Model):
    """An addendum: it makes `version` of the report, and changes nothing that was sealed."""

    version: int
    reason: str  # why the one before was returned
    text: str
    by: str
    at: datetime
