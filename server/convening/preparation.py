"""All that a convening depends on, what still stands in its way, and the log's first event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from server.convening.agenda import item_bars
from server.people.members import VIETNAM
from server.people.roster import (
    cell_eligibility,
    eligibility_sentence,
    eligibility_view,
    in_roster_order,
    standing_of,
)
from server.session import events as e
from server.session.state import State
from server.session.times import to_text
from server.store import convening as store
from server.store import people
from server.store.database import Connection
from server.store.people import Line
from server.texts import say
from voting.electorate import (
    Exclusion,
    barred_from_attending,
    can_decide,
    official_members,
)
from voting.eligibility import Eligibility
from voting.rules import RuleSet, rules_at

# What of a member's line decides who counts, votes and presides.
_STANDING = ("title", "official", "exempt", "suspended", "prosecuted", "temporary")
TITLES = {"secretary": "Bí thư", "deputy": "Phó Bí thư"}


@dataclass(frozen=True, slots=True)
class Preparation:
    """A draft with its cell as it stands now, in one reading of the database."""

    session: Line
    items: Sequence[Line]
    documents: Sequence[Line]
    members: Sequence[Line]  # current ones, in roster order
    roles: Sequence[Line]
    authorisation: Line | None  # in force on the session's day

    @property
    def day(self) -> date:
        return vietnamese_day(self.session["starts_at"])

    @property
    def rules(self) -> RuleSet:
        return rules_at(self.day)

    @property
    def eligibility(self) -> Eligibility:
        return cell_eligibility(self.members, self.rules)

    @property
    def authorised(self) -> bool:
        return self.authorisation is not None or not self.rules.flag(
            "online.authorisation_required"
        )

    def holds(self, row: Line, role: str) -> bool:
        return any(
            held["role"] == role
            and held["account_id"] == row["account_id"]
            and held["cell_id"] == row["cell_id"]
            for held in self.roles
        )

    def leaders(self, role: str) -> list[Line]:
        """Members who hold that role and can act in it."""
        return [row for row in self.summoned if self.holds(row, role)]

    @property
    def summoned(self) -> list[Line]:
        """The roster without those whom suspension or prosecution keeps away."""
        return [row for row in self.members if self.barred(row) is None]

    def barred(self, row: Line) -> Exclusion | None:
        return barred_from_attending(standing_of(row), self.rules)

    @property
    def pseudonyms(self) -> dict[str, str]:
        """p01, p02, ... in roster order, by member id."""
        width = max(2, len(str(len(self.members))))
        return {row["id"]: f"p{n:0{width}d}" for n, row in enumerate(self.members, 1)}


def vietnamese_day(time: datetime) -> date:
    return time.astimezone(VIETNAM).date()


def prepare(conn: Connection, session: Line) -> Preparation:
    members = people.current_members(conn, session["cell_id"])
    roles = people.roles_of(conn, {row["account_id"] for row in members if row["account_id"]})
    day = vietnamese_day(session["starts_at"])
    return Preparation(
        session=session,
        items=store.agenda(conn, session["id"]),
        documents=store.documents(conn, session["id"], None),
        members=in_roster_order(members, roles),
        roles=roles,
        authorisation=people.authorisation_on(conn, session["cell_id"], day),
    )


def needs_late_reason(starts_at: datetime, uploaded_at: datetime) -> bool:
    """Whether a document came later than the rules' lead time before the session."""
    lead = timedelta(days=rules_at(vietnamese_day(starts_at)).number("materials.lead_days"))
    return uploaded_at > starts_at - lead


def obstacles(prepared: Preparation, now: datetime) -> list[str]:
    """Everything that forbids convening, each a sentence with what to do; empty when nothing."""
    session, rules = prepared.session, prepared.rules
    found: list[str] = []
    if session["starts_at"] <= now:
        found.append(say("convening.time_past"))
    if not prepared.items:
        found.append(say("convening.no_items"))
    for item in prepared.items:
        found += [
            say("convening.item", number=item["number"], why=why) for why in item_bars(item, rules)
        ]
    if not prepared.eligibility.eligible:
        found.append(eligibility_sentence(prepared.eligibility))
    if not prepared.authorised:
        found.append(say("convening.not_authorised", day=f"{prepared.day:%d/%m/%Y}"))
    standings = [standing_of(row) for row in prepared.members]
    if not can_decide(standings, rules):
        needed = rules.number("cell.min_official_members")
        found.append(say("convening.too_few", official=official_members(standings), needed=needed))
    if not prepared.leaders("secretary") and not prepared.leaders("deputy"):
        found.append(say("convening.no_chair"))
    for document in prepared.documents:
        late = needs_late_reason(session["starts_at"], document["uploaded_at"])
        if late and not document["late_reason"]:
            found.append(say("convening.document_late", name=document["name"]))
    return found


def convened(
    prepared: Preparation, *, installation: str, seal_key: str, seal_spki: str, web_bundle: str
) -> e.Convened:
    """The first event of the log. Call it only when nothing stands in the way."""
    session, names = prepared.session, prepared.pseudonyms
    secretaries, deputies = prepared.leaders("secretary"), prepared.leaders("deputy")
    chair, *others = [names[row["id"]] for row in (*secretaries, *deputies)]
    return e.Convened(
        installation=installation,
        seal_key=seal_key,
        seal_spki=seal_spki,
        cell_id=session["cell_id"],
        cell_name=session["cell_name"],
        committee=session["committee"],
        title=session["title"],
        starts_at=to_text(session["starts_at"]),
        place=session["place"],
        mode=session["mode"],
        chair=chair,
        deputy=others[0] if others else None,
        roster=tuple(roster_line(prepared, row, names[row["id"]]) for row in prepared.members),
        items=tuple(_agenda_line(row) for row in prepared.items),
        documents=tuple(document_line(row) for row in prepared.documents),
        authorisation=authorisation_line(prepared.authorisation),
        eligibility=_sum(prepared),
        rule_version=prepared.rules.version,
        rules=prepared.rules.to_data(),
        web_bundle=web_bundle,
    )


def changed_since(prepared: Preparation, state: State) -> list[str]:
    """Names of members who came, left, or stand otherwise than when they were convened."""
    then = {line.member_id: line for line in (m.line for m in state.members.values())}
    now = {row["id"]: roster_line(prepared, row, "") for row in prepared.members}
    return sorted(
        (now.get(member) or then[member]).name
        for member in {*then, *now}
        if member not in then
        or member not in now
        or any(getattr(then[member], f) != getattr(now[member], f) for f in _STANDING)
    )


def roster_line(prepared: Preparation, row: Line, person: str) -> e.RosterLine:
    held = next((role for role in TITLES if prepared.holds(row, role)), None)
    return e.RosterLine(
        id=person,
        member_id=row["id"],
        name=row["name"],
        title=TITLES[held] if held else "",
        honour=row["honour"],
        official=row["kind"] == "official",
        exempt=row["exempt"],
        suspended=row["suspended"],
        prosecuted=row["detained"],
        temporary=row["temporary"],
        circumstance=row["circumstance"],
    )


def _agenda_line(row: Line) -> e.AgendaLine:
    return e.AgendaLine(
        id=row["id"],
        number=row["number"],
        kind=row["kind"],
        title=row["title"],
        minutes=row["minutes"],
        motion=row["motion"],
        decision=row["decision"],
    )


def document_line(row: Line) -> e.DocumentLine:
    """A document as it stands in the log."""
    return e.DocumentLine(
        id=row["id"],
        item_id=row["item_id"],
        name=row["name"],
        pages=row["pages"],
        size=row["size"],
        sha256=row["sha256"],
        uploaded_at=to_text(row["uploaded_at"]),
        late_reason=row["late_reason"],
    )


def authorisation_line(row: Line | None) -> e.Authorisation:
    if row is None:  # only when the rules of the day ask for none
        return e.Authorisation(issuer="", number="", date="", valid_until="")
    return e.Authorisation(
        issuer=row["issuer"],
        number=row["number"],
        date=row["date"].isoformat(),
        valid_until=row["valid_until"].isoformat(),
    )


def _sum(prepared: Preparation) -> e.EligibilitySum:
    view = eligibility_view(list(prepared.members), prepared.day)
    return e.EligibilitySum(
        members=view.members,
        denominator=view.denominator,
        cannot_meet=view.cannot_meet,
        needed=view.needed,
        eligible=view.eligible,
        sentence=view.sentence,
    )
