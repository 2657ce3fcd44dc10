"""Every table of an installation. Columns named `*_at` are UTC; ids are opaque text."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on every database: SQLite forgets the zone, we put it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        zoned: datetime = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return zoned.astimezone(UTC)


def Id() -> Column[str]:
    return Column("id", String(40), primary_key=True)


def ref(name: str, target: str, **more: object) -> Column[str]:
    more.setdefault("nullable", False)
    return Column(name, String(40), ForeignKey(f"{target}.id"), index=True, **more)  # type: ignore[arg-type]


def at(name: str, nullable: bool = False) -> Column[Any]:
    return Column(name, UtcDateTime(), nullable=nullable)


def text(name: str, default: str | None = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


installation = Table(
    "installation",
    metadata,
    Id(),
    text("name"),
    text("kind"),
    text("operator"),
    text("place"),
    text("helper_name"),
    text("helper_phone"),
    at("created_at"),
)

cell = Table(
    "cell", metadata, Id(), text("name"), text("committee"), text("code"), at("created_at")
)

account = Table(
    "account",
    metadata,
    Id(),
    Column("phone", String(20), nullable=False, unique=True),
    text("name"),
    Column("password_hash", Text),  # argon2id; null until the one-time link is used
    Column("disabled", Boolean, nullable=False, server_default="0"),
    at("created_at"),
)

member = Table(
    "member",
    metadata,
    Id(),
    ref("cell_id", "cell"),
    ref("account_id", "account", nullable=True),
    text("name"),
    Column("phone", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("exempt", Boolean, nullable=False, server_default="0"),
    Column("suspended", Boolean, nullable=False, server_default="0"),
    Column("detained", Boolean, nullable=False, server_default="0"),
    Column("temporary", String(20), nullable=False, server_default="none"),
    Column("circumstance", String(20), nullable=False, server_default="none"),
    text("honour"),
    Column("left_at", Date),
    at("created_at"),
    UniqueConstraint("cell_id", "phone"),
)

role = Table(
    "role",
    metadata,
    Id(),
    ref("account_id", "account"),
    Column("role", String(20), nullable=False),
    ref("cell_id", "cell", nullable=True),
    at("granted_at"),
    at("ended_at", nullable=True),
)

factor = Table(
    "factor",
    metadata,
    Id(),
    ref("account_id", "account"),
    Column("kind", String(20), nullable=False),  # totp, card, recovery
    Column("secret", LargeBinary, nullable=False),  # encrypted under the key kept outside
    Column("counter", Integer, nullable=False, server_default="-1"),  # last one used
    text("label"),
    at("created_at"),
    at("confirmed_at", nullable=True),
    at("revoked_at", nullable=True),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Id(),
    ref("factor_id", "factor"),
    Column("code_hash", String(64), nullable=False),
    at("used_at", nullable=True),
)

sign_in = Table(
    "sign_in",
    metadata,
    Id(),
    Column("token_hash", String(64), nullable=False, unique=True),
    ref("account_id", "account"),
    text("device"),
    at("created_at"),
    at("last_seen_at"),
    at("expires_at"),
    at("factor_at", nullable=True),
    at("stepped_up_at", nullable=True),
    at("revoked_at", nullable=True),
)

throttle = Table(
    "throttle",
    metadata,
    Column("key", String(80), primary_key=True),  # hash of source, or of source and account
    Column("failures", Integer, nullable=False),
    at("last_at"),
    at("blocked_until", nullable=True),
)

one_time_link = Table(
    "one_time_link",
    metadata,
    Id(),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("purpose", String(20), nullable=False),  # first_administrator, reset
    ref("account_id", "account", nullable=True),
    at("created_at"),
    at("expires_at"),
    at("used_at", nullable=True),
)

reset = Table(
    "reset",
    metadata,
    Id(),
    ref("account_id", "account"),
    text("reason"),
    at("requested_at"),
    Column("secretary_id", String(40)),
    Column("administrator_id", String(40)),
    at("approved_at", nullable=True),
)

notice = Table(  # told to an account on its next screen: "mật khẩu đã được đặt lại"
    "notice",
    metadata,
    Id(),
    ref("account_id", "account"),
    Column("code", String(40), nullable=False),
    Column("params", JSON, nullable=False),
    at("created_at"),
    at("seen_at", nullable=True),
)

audit = Table(
    "audit",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=True),
    at("at"),
    Column("account_id", String(40)),
    Column("action", String(60), nullable=False),
    text("subject"),
)

authorisation = Table(
    "authorisation",
    metadata,
    Id(),
    ref("cell_id", "cell"),
    text("issuer"),
    text("number"),
    Column("date", Date, nullable=False),
    Column("valid_until", Date, nullable=False),
    at("created_at"),
)

session = Table(
    "session",
    metadata,
    Id(),
    ref("cell_id", "cell"),
    text("title"),
    at("starts_at"),
    text("place"),
    Column("mode", String(20), nullable=False),
    Column("stage", String(20), nullable=False),  # copy of the fold, for lists
    at("created_at"),
    at("convened_at", nullable=True),
    at("opened_at", nullable=True),
    at("closed_at", nullable=True),
    Column("head_seq", Integer, nullable=False, server_default="0"),
    Column("head_hash", String(64), nullable=False, server_default=""),
    Column("witnessed_seq", Integer, nullable=False, server_default="0"),
    Column("corrections", Integer, nullable=False, server_default="0"),  # copy of the fold
)

agenda_item = Table(
    "agenda_item",
    metadata,
    Id(),
    ref("session_id", "session"),
    Column("number", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    text("title"),
    Column("minutes", Integer, nullable=False),
    Column("motion", Text),
    Column("decision", String(40), nullable=False, server_default="ordinary"),
)

document = Table(
    "document",
    metadata,
    Id(),
    ref("session_id", "session"),
    Column("item_id", String(40)),
    text("name"),
    Column("pages", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    at("uploaded_at"),
    Column("uploaded_by", String(40), nullable=False),
    Column("late_reason", Text),
)

read_mark = Table(
    "read_mark",
    metadata,
    Column("document_id", String(40), ForeignKey("document.id"), primary_key=True),
    Column("member_id", String(40), ForeignKey("member.id"), primary_key=True),
    Column("last_page", Integer, nullable=False),
    at("at"),
)

summons = Table(
    "summons",
    metadata,
    Column("session_id", String(40), ForeignKey("session.id"), primary_key=True),
    Column("member_id", String(40), ForeignKey("member.id"), primary_key=True),
    Column("person", String(12), nullable=False),  # pseudonym in this session
    at("sent_at"),
    at("seen_at", nullable=True),
    Column("reply", String(10), nullable=False, server_default="none"),
    text("reason"),
)

event = Table(
    "event",
    metadata,
    Column("session_id", String(40), ForeignKey("session.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("prev", String(64), nullable=False),
    Column("type", String(40), nullable=False),
    Column("time", String(32), nullable=False),  # ISO 8601 UTC, exactly as hashed
    Column("actor", String(40), nullable=False),
    Column("payload_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

event_payload = Table(
    "event_payload",
    metadata,
    Column("session_id", String(40), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("salt", String(64), nullable=False),
    Column("body", Text, nullable=False),  # canonical JSON, exactly as hashed
)

presence = Table(  # a lease: expired in database time means gone
    "presence",
    metadata,
    Column("session_id", String(40), ForeignKey("session.id"), primary_key=True),
    Column("person", String(12), primary_key=True),
    Column("device", String(40), primary_key=True),
    Column("instance", String(40), nullable=False),
    Column("line", String(8), nullable=False, server_default="none"),
    Column("microphone", Boolean, nullable=False, server_default="0"),
    Column("camera", Boolean, nullable=False, server_default="0"),
    at("expires_at"),
)

device_key = Table(
    "device_key",
    metadata,
    Column("key_id", String(40), primary_key=True),
    Column("session_id", String(40), ForeignKey("session.id"), primary_key=True),
    ref("member_id", "member"),
    ref("sign_in_id", "sign_in"),
    text("spki"),
    text("label"),
    at("certified_at"),
    at("revoked_at", nullable=True),
)

room_device = Table(
    "room_device",
    metadata,
    Id(),
    ref("session_id", "session"),
    Column("code_hash", String(64), nullable=False),
    at("expires_at"),
    at("paired_at", nullable=True),
)

checkpoint = Table(  # every signed statement of the recorder, kept as posted
    "checkpoint",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=True),
    ref("session_id", "session"),
    at("received_at"),
    Column("seq", Integer, nullable=False),
    Column("head", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("key_id", String(40), nullable=False),
    Column("signature", Text, nullable=False),
)

recording = Table(
    "recording",
    metadata,
    Column("session_id", String(40), ForeignKey("session.id"), primary_key=True),
    at("started_at"),
    at("finished_at", nullable=True),
    Column("head", String(64), nullable=False, server_default=""),
    Column("duration_ms", Integer, nullable=False, server_default="0"),
    Column("segments", Integer, nullable=False, server_default="0"),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
)

report = Table(  # files rendered after the close, and the sealed report
    "report",
    metadata,
    Column("session_id", String(40), ForeignKey("session.id"), primary_key=True),
    Column("kind", String(20), primary_key=True),  # minutes, report
    Column("form", String(8), primary_key=True),  # json, html, pdf
    Column("sha256", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("blob", String(120), nullable=False),
    at("created_at"),
)

peer = Table(
    "peer",
    metadata,
    Id(),
    text("name"),
    Column("kind", String(20), nullable=False),
    text("url"),
    text("spki"),
    Column("key_id", String(40), nullable=False),
    at("enrolled_at"),
    at("confirmed_at", nullable=True),
)

peer_nonce = Table(  # of signed requests in the last minutes, so that none counts twice
    "peer_nonce",
    metadata,
    Column("peer_id", String(40), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    at("at"),
)

enrolment_code = Table(
    "enrolment_code",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    at("expires_at"),
    at("used_at", nullable=True),
)

outbox = Table(
    "outbox",
    metadata,
    Id(),
    ref("peer_id", "peer"),
    Column("kind", String(20), nullable=False),  # schedule, running, report
    ref("session_id", "session"),
    Column("blob", String(120)),
    Column("body", Text),
    Column("sha256", String(64), nullable=False),
    Column("state", String(20), nullable=False),  # waiting, acknowledged
    Column("attempts", Integer, nullable=False, server_default="0"),
    at("created_at"),
    at("next_try_at"),
    text("error"),
    Column("receipt", Text),
)

followed = Table(  # upper committee: each session of each cell installation, as last heard
    "followed",
    metadata,
    Column("peer_id", String(40), ForeignKey("peer.id"), primary_key=True),
    Column("session_id", String(40), primary_key=True),
    Column("cell_id", String(40), nullable=False),
    text("cell_name"),
    text("title"),
    at("starts_at"),
    Column("stage", String(20), nullable=False),
    Column("status", JSON, nullable=False),
    Column("seq", Integer, nullable=False, server_default="0"),
    Column("head", String(64), nullable=False, server_default=""),
    at("heard_at"),
)

followed_header = Table(  # the upper committee's own copy of the chain it witnessed
    "followed_header",
    metadata,
    Column("peer_id", String(40), primary_key=True),
    Column("session_id", String(40), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("header", Text, nullable=False),
)

key_directory = Table(  # device keys as each cell told them while its session ran; never changed
    "key_directory",
    metadata,
    Column("peer_id", String(40), primary_key=True),
    Column("session_id", String(40), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("type", String(30), nullable=False),  # of the event: device-certified, …-revoked
    Column("person", String(12), nullable=False),
    Column("key_id", String(40), nullable=False, index=True),
    Column("spki", Text, nullable=False),
    at("told_at"),
)

document_number = Table(  # the register of each cell: numbers by year and kind, no gap, no repeat
    "document_number",
    metadata,
    Column("cell_id", String(40), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("session_id", String(40), nullable=False, index=True),
)

inbox_former = Table(  # reports that were returned and have been corrected since; never changed
    "inbox_former",
    metadata,
    Column("peer_id", String(40), primary_key=True),
    Column("session_id", String(40), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    text("blob"),
    at("received_at"),
    text("receipt"),
    text("review_note"),
    at("reviewed_at", nullable=True),
)

inbox = Table(
    "inbox",
    metadata,
    Column("peer_id", String(40), ForeignKey("peer.id"), primary_key=True),
    Column("session_id", String(40), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("sha256", String(64), nullable=False),
    Column("blob", String(120), nullable=False),
    at("received_at"),
    Column("receipt", Text, nullable=False),
    Column("state", String(20), nullable=False, server_default="received"),
    text("review_note"),
    Column("reviewed_by", String(40)),
    at("reviewed_at", nullable=True),
)

job_lease = Table(  # which worker does a thing; expires in database time
    "job_lease",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("holder", String(40), nullable=False),
    at("expires_at"),
)

Index("ix_outbox_due", outbox.c.state, outbox.c.next_try_at)
Index("ix_session_stage", session.c.stage, session.c.starts_at)
