"""The minutes (biên bản) from the facts: fields as 42-HD/BTCTW and 05-HD/VPTW ask for."""

from collections.abc import Iterable

from server.reports.document import (
    Block,
    Document,
    Paragraph,
    Run,
    Signature,
    date_vi,
    paragraph,
    percent_vi,
    superior_of,
    time_vi,
)
from server.reports.facts import Absence, Attender, Facts, GapFacts, ItemFacts, Said, VoteFacts
from server.reports.numbers import shown
from server.session.times import VIETNAM, from_text
from server.texts import UnknownText, say


def minutes(facts: Facts) -> Document:
    return Document(
        kind="minutes",
        superior=superior_of(facts.committee),
        issuer=facts.cell_name.upper(),
        number=shown("minutes", facts.numbers),
        place_date="",
        title=text("title"),
        subject=text("subject", title=facts.title[:1].lower() + facts.title[1:]),
        addressee="",
        blocks=tuple(_blocks(facts)),
        left=Signature((text("scribe"),), facts.secretary),
        recipients=(),
        right=Signature((text("presiding"),), facts.chair),
        footer=footer(facts),
    )


def text(key: str, **params: object) -> str:
    return say(f"reports.minutes.{key}", **params)


def footer(facts: Facts) -> str:
    return say(
        "reports.footer",
        cell=facts.cell_name,
        session=facts.session,
        seq=facts.head_seq,
        head=grouped(facts.head[:12]),
    )


def grouped(digits: str) -> str:
    """Hex digits in groups of four, as people read them to each other."""
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4)).upper()


def manner(facts: Facts) -> str:
    if facts.mode == "hybrid":
        return say("reports.hybrid", place=facts.place)
    return say("reports.online")


def comrade(name: str, title: str = "") -> str:
    if title:
        return say("reports.comrade_titled", name=name, title=title)
    return say("reports.comrade", name=name)


def names(people: Iterable[str]) -> str:
    return "; ".join(people)


def sentence(words: str) -> str:
    """What somebody typed, ended by a stop."""
    return words if words.rstrip()[-1:] in (".", "!", "?", "…", "") else words.rstrip() + "."


def _blocks(facts: Facts) -> Iterable[Block]:
    yield paragraph(_opening(facts))
    permit = facts.authorisation
    year, month, day = permit.date.split("-")
    yield paragraph(
        text(
            "authorised",
            number=permit.number,
            date=f"{day}/{month}/{year}",
            issuer=permit.issuer,
            eligibility=facts.eligibility.rstrip("."),
        )
    )
    yield paragraph(
        text(
            "chair",
            chair=comrade(facts.chair, facts.chair_title),
            secretary=comrade(facts.secretary) if facts.secretary else say("reports.none"),
        )
    )
    if facts.chairs_before:
        yield paragraph(text("chairs_before", names=names(map(comrade, facts.chairs_before))))
    yield from _attendance(facts)
    items = names(text("agenda_item", number=i.number, title=i.title) for i in facts.items)
    if facts.items:
        yield paragraph(text("agenda", count=len(facts.items), items=items))
    for item in facts.items:
        yield from _item(item)
    for said in facts.said:
        yield paragraph(_said(said))
    if facts.conclusion:
        yield paragraph(sentence(facts.conclusion), text("chair_conclusion"))
    if "resolution" in dict(facts.numbers):
        number = shown("resolution", facts.numbers)
        yield paragraph(say("reports.resolution_numbered", number=number.removeprefix("Số ")))
    for gap in facts.recording.gaps:
        yield paragraph(_gap(gap))
    yield paragraph(_ending(facts))
    if facts.minutes_agreed_at:
        yield paragraph(text("hash", hash=grouped(facts.minutes_hash)))


def _opening(facts: Facts) -> str:
    begin, end = facts.opened_at.astimezone(VIETNAM), facts.ended_at.astimezone(VIETNAM)
    return text(
        "opening" if begin.date() == end.date() else "opening_two_days",
        date=date_vi(begin),
        begin=time_vi(begin),
        end=time_vi(end),
        end_date=date_vi(end),
        cell=facts.cell_name,
        manner=manner(facts),
    )


def _attendance(facts: Facts) -> Iterable[Block]:
    yield paragraph(
        text(
            "totals",
            members=facts.members,
            official=facts.official,
            probationary=facts.probationary,
            exempt=facts.exempt,
            attended=facts.attended,
            excused=len(facts.absent_with_reason),
            absent=len(facts.absent_without),
        )
    )
    if facts.in_room:
        yield paragraph(text("in_room", count=facts.in_room))
    if facts.absent_with_reason:
        away = names(map(_absence, facts.absent_with_reason))
        yield paragraph(text("excused_names", names=away))
    if facts.absent_without:
        away = names(map(_absence, facts.absent_without))
        yield paragraph(text("absent_names", names=away))
    vouched = [comrade(a.name) for a in facts.attenders if a.how == "vouch"]
    if vouched:
        yield paragraph(text("vouched", names=names(vouched)))
    for attender in facts.attenders:
        if attender.left_at:
            yield paragraph(_left(attender))


def _absence(absence: Absence) -> str:
    if absence.reason:
        return text("reason", name=comrade(absence.name), reason=absence.reason)
    return comrade(absence.name)


def _left(who: Attender) -> str:
    assert who.left_at is not None
    key = "removed" if who.removed else "left_reason" if who.reason else "left"
    return text(key, name=who.name, time=time_vi(who.left_at), reason=who.reason)


def _item(item: ItemFacts) -> Iterable[Block]:
    lead = text("item", number=item.number, title=item.title.rstrip("."))
    if item.state == "postponed":
        yield paragraph(text("postponed", reason=item.postponed_why), lead)
        return
    if item.started_at is None:
        yield paragraph(text("not_reached"), lead)
        return
    told = text("started", begin=time_vi(item.started_at))
    if item.speakers:
        told += " " + text("spoke", names=names(map(comrade, item.speakers)))
    yield paragraph(told, lead)
    for said in item.said:
        yield paragraph(_said(said))
    for vote in item.votes:
        yield from _vote(vote)
    if item.conclusion:
        yield paragraph(text("conclusion", text=sentence(item.conclusion)))


def _said(said: Said) -> str:
    who, words = comrade(said.name) if said.name else "", sentence(said.text)
    match said.kind:
        case "opinion":
            return text("opinion" if who else "opinion_nobody", who=who, text=words)
        case "reserved":
            return text("reserved", who=who, text=words)
        case "task":
            return text("task" if who else "task_nobody", who=who, text=words)
        case "conclusion":
            return text("conclusion", text=words)
        case other:
            raise ValueError(f"unknown kind of note {other}")


def _vote(vote: VoteFacts) -> Iterable[Block]:
    again = text("attempt", n=vote.attempt) if vote.attempt > 1 else ""
    if vote.base is None or vote.approve is None:
        yield paragraph(text("void", attempt=again, text=vote.text, reason=vote.void_reason))
        return
    told = text(
        "vote",
        attempt=again,
        text=vote.text,
        base=vote.base,
        approve=vote.approve,
        disapprove=vote.disapprove,
        abstain=vote.abstain,
        not_voted=vote.not_voted,
        percent=percent_vi(vote.approve, vote.base),
        needed=vote.needed,
    )
    yield Paragraph((Run(told), Run(text("passed" if vote.passed else "failed"), True)))
    for key, people in (
        ("against", vote.against),
        ("abstaining", vote.abstaining),
        ("by_hand", vote.by_hand),
    ):
        if people:
            yield paragraph(text(key, names=names(map(comrade, people))))
    for name, words in vote.objections:
        yield paragraph(text("objection", name=name, text=sentence(words)))


def _gap(gap: GapFacts) -> str:
    try:
        why = say(f"recordings.gap.{gap.reason}")
    except UnknownText:
        why = gap.reason  # the recorder's own sentence
    if gap.end is None:
        return text("gap_open", begin=time_vi(gap.start), reason=why)
    return text("gap", begin=time_vi(gap.start), end=time_vi(gap.end), reason=why)


def _ending(facts: Facts) -> str:
    end = time_vi(facts.ended_at)
    match facts.stage:
        case "closed":
            assert facts.minutes_agreed_at is not None
            return text("closed", agreed=time_vi(facts.minutes_agreed_at), end=end)
        case "adjourned":
            until = from_text(facts.adjourned_until)
            when = f"{time_vi(until)}, {date_vi(until)}"
            return text("adjourned", end=end, until=when, reason=facts.end_reason)
        case "abandoned":
            return text("abandoned", end=end, reason=facts.end_reason)
        case other:
            raise ValueError(f"{other} is no end")
