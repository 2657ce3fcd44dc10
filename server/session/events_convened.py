"""Events: what a log begins with, and what leaders change before the opening."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterLine:
    """A member as convened. `id` is the pseudonym p01, p02, ...; guests are not on the roster."""

    id: str
    member_id: str
    name: str
    title: str  # "Bí thư", "Phó Bí thư", "Chi ủy viên", ""
    honour: str
    official: bool
    exempt: bool = False
    suspended: bool = False
    prosecuted: bool = False
    temporary: Literal["none", "elsewhere", "here"] = "none"
    circumstance: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaLine:
    id: str
    number: int
    kind: Literal["report", "discussion", "vote", "other"]
    title: str
    minutes: int
    motion: str | None = None  # the text to vote on
    decision: str = "ordinary"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    id: str
    item_id: str | None
    name: str
    pages: int
    size: int
    sha256: str
    uploaded_at: str
    late_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """The upper committee's permission. Dates are ISO dates."""

    issuer: str
    number: str
    date: str
    valid_until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilitySum:
    """03-HD/TW II.1.1 as it was reckoned at convening."""

    members: int
    denominator: int
    cannot_meet: int
    needed: int
    eligible: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Convened:
    """The first event. `rules` is `RuleSet.to_data()`: a recount needs no other table."""

    TYPE: ClassVar[str] = "convened"
    installation: str
    seal_key: str  # key id of the installation
    seal_spki: str  # base64url
    cell_id: str
    cell_name: str
    committee: str
    title: str
    starts_at: str
    place: str
    mode: Literal["online", "hybrid"]
    chair: str
    deputy: str | None
    roster: tuple[RosterLine, ...]
    items: tuple[AgendaLine, ...]
    documents: tuple[DocumentLine, ...]
    authorisation: Authorisation
    eligibility: EligibilitySum
    rule_version: str
    rules: dict[str, Any]
    web_bundle: str  # SHA-256 of the web bundle that members load
    floor_seconds: int = 300  # shown to a speaker; nobody is cut off by it


@dataclass(frozen=True, slots=True)
class DocumentAdded:
    """A paper that came after the convening, with its reason when it came late."""

    TYPE: ClassVar[str] = "document-added"
    document: DocumentLine
    by: str


@dataclass(frozen=True, slots=True)
class DocumentWithdrawn:
    """A paper that was a mistake, before the opening. Its content is destroyed; this line stays.

    `replaced_by` is the id of the paper that takes its place, if one does.
    """

    TYPE: ClassVar[str] = "document-withdrawn"
    document: DocumentLine
    reason: str
    replaced_by: str | None


@dataclass(frozen=True, slots=True)
class Rescheduled:
    """Another time or place before anybody gathered; everybody is summoned anew."""

    TYPE: ClassVar[str] = "rescheduled"
    starts_at: str
    place: str
    reason: str
    authorisation: Authorisation  # the one in force on the new day
