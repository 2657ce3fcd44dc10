"""Preparing a session: agenda, documents, summons."""

from datetime import datetime
from typing import Literal

from server.http.model import Model

ItemKind = Literal["report", "discussion", "vote", "other"]
SessionMode = Literal["online", "hybrid"]
# the stage as lists and the upper committee see it
Stage = Literal[
    "draft", "convened", "waiting", "open", "roll_call", "agenda", "items", "concluding", "minutes",
    "recess", "adjourned", "closed", "abandoned",
]  # fmt: skip


class AgendaItemBody(Model):
    kind: ItemKind
    title: str
    minutes: int
    motion: str | None = None  # the text to vote on
    decision: str = "ordinary"  # decision kind of the rule set
    id: str | None = None


class SessionBody(Model):
    """A draft, or a change to one that is not yet convened."""

    title: str
    starts_at: datetime
    place: str
    mode: SessionMode
    items: list[AgendaItemBody]


class AgendaItem(Model):
    id: str
    number: int
    kind: ItemKind
    title: str
    minutes: int
    motion: str | None
    decision: str


class Document(Model):
    id: str
    item_id: str | None
    name: str
    pages: int
    size: int  # bytes
    sha256: str
    uploaded_at: datetime
    late_reason: str | None
    my_last_page: int  # 0: not opened
    readers: int


class DocumentOptions(Model):
    """Fields of the upload form beside the file."""

    item_id: str | None = None
    late_reason: str | None = None
    replaces: str | None = None  # id of the paper whose place this one takes, once convened
    reason: str | None = None  # why it is replaced


class ReadBody(Model):
    page: int


class Summons(Model):
    member_id: str
    name: str
    sent_at: datetime
    seen_at: datetime | None
    reply: Literal["none", "coming", "absent"]
    reason: str


class ReplyBody(Model):
    coming: bool
    reason: str = ""


class RescheduleBody(Model):
    """Another time and place of a convened session."""

    starts_at: datetime
    place: str
    reason: str


class ReasonBody(Model):
    """Why a convened session is cancelled, or a paper of it withdrawn."""

    reason: str


class Rescheduling(Model):
    """The session was put off; these are the time and place it had before."""

    starts_at: datetime
    place: str
    by: str
    reason: str
    at: datetime


class WithdrawnDocument(Model):
    """A paper that was taken back before the opening. Its content is destroyed."""

    id: str
    name: str
    sha256: str
    by: str
    reason: str
    replaced_by: str | None
    at: datetime


class SessionListed(Model):
    id: str
    cell_id: str
    cell_name: str
    title: str
    starts_at: datetime
    place: str
    mode: SessionMode
    stage: Stage
    cancelled: bool  # abandoned before it was opened
    documents: int
    documents_read: int
    i_chair: bool
    report_received_at: datetime | None


class Sessions(Model):
    sessions: list[SessionListed]


class SessionDetail(Model):
    id: str
    cell_id: str
    cell_name: str
    committee: str
    title: str
    starts_at: datetime
    place: str
    mode: SessionMode
    stage: Stage
    items: list[AgendaItem]
    documents: list[Document]
    summons: list[Summons]  # leaders see all, a member their own
    not_summoned: list[str]  # leaders: who of the roster is not, and why, as sentences
    eligible: bool
    authorised: bool
    obstacles: list[str]  # why it cannot be convened yet, as sentences
    i_lead: bool
    cancelled: bool  # abandoned before it was opened
    end_reason: str  # why it was cancelled, adjourned or abandoned
    rescheduled: list[Rescheduling]
    withdrawn: list[WithdrawnDocument]
    roster_changed: list[str]  # leaders: names that stand otherwise than when convened
