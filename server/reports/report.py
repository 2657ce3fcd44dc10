"""The report to the upper committee (báo cáo) from the facts; there is no official form for it."""

from collections.abc import Iterable

from server.reports.document import (
    Block,
    Document,
    Heading,
    Signature,
    Table,
    date_vi,
    paragraph,
    superior_of,
    time_vi,
)
from server.reports.facts import Facts, VoteFacts
from server.reports.minutes import comrade, footer, grouped, manner, names, sentence
from server.reports.numbers import shown
from server.session.times import from_text
from server.texts import say

WEIGHTS = (2, 9, 3, 3, 3, 3, 2, 4)


def text(key: str, **params: object) -> str:
    return say(f"reports.report.{key}", **params)


def report(facts: Facts) -> Document:
    signs = (text("on_behalf"), facts.chair_title.upper()) if facts.chair_title else ()
    return Document(
        kind="report",
        superior=superior_of(facts.committee),
        issuer=facts.cell_name.upper(),
        number=shown("report", facts.numbers),
        place_date=text("place_date", date=_capital(date_vi(facts.ended_at))),
        title=text("title"),
        subject=text("subject", title=facts.title[:1].lower() + facts.title[1:]),
        addressee=text("to", committee=facts.committee),
        blocks=tuple(_blocks(facts)),
        left=None,
        recipients=(
            text("recipients"),
            text("recipient_committee", committee=facts.committee),
            text("recipient_keep"),
        ),
        right=Signature(signs or (text("on_behalf"),), facts.chair),
        footer=footer(facts),
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _blocks(facts: Facts) -> Iterable[Block]:
    yield Heading(text("section_session"))
    yield from _session(facts)
    yield Heading(text("section_votes"))
    yield from _votes(facts)
    yield Heading(text("section_tasks"))
    yield from _tasks(facts)
    yield Heading(text("section_opinions"))
    yield from _opinions(facts)
    yield Heading(text("section_evidence"))
    yield from _evidence(facts)


def _session(facts: Facts) -> Iterable[Block]:
    yield paragraph(
        text(
            "held",
            cell=facts.cell_name,
            manner=manner(facts),
            begin=time_vi(facts.opened_at),
            end=time_vi(facts.ended_at),
            date=date_vi(facts.ended_at),
            chair=comrade(facts.chair, facts.chair_title),
            secretary=comrade(facts.secretary) if facts.secretary else say("reports.none"),
        )
    )
    yield paragraph(
        text(
            "attended",
            attended=facts.attended,
            members=facts.members,
            official=facts.official,
            probationary=facts.probationary,
            excused=len(facts.absent_with_reason),
            absent=len(facts.absent_without),
        )
    )
    done = sum(item.state == "done" for item in facts.items)
    count = len(facts.items)
    yield paragraph(text("items", count=count, done=done, left=count - done))
    if facts.stage == "adjourned":
        until = from_text(facts.adjourned_until)
        when = f"{time_vi(until)}, {date_vi(until)}"
        yield paragraph(text("adjourned", until=when, reason=facts.end_reason))
    if facts.stage == "abandoned":
        yield paragraph(text("abandoned", reason=facts.end_reason))


def _votes(facts: Facts) -> Iterable[Block]:
    rows = [_row(str(item.number), vote) for item in facts.items for vote in item.votes]
    if not rows:
        yield paragraph(text("no_votes"))
        return
    columns = ("number", "motion", "approve", "disapprove", "abstain", "not_voted", "needed")
    head = tuple(text(f"column_{name}") for name in (*columns, "result"))
    yield Table(WEIGHTS, head, tuple(rows))
    if "resolution" in dict(facts.numbers):
        number = shown("resolution", facts.numbers)
        yield paragraph(say("reports.resolution_numbered", number=number.removeprefix("Số ")))


def _row(number: str, vote: VoteFacts) -> tuple[str, ...]:
    if vote.base is None:
        return (number, vote.text, "", "", "", "", "", text("void"))
    counts = (vote.disapprove, vote.abstain, vote.not_voted, vote.needed)
    return (
        number,
        vote.text,
        f"{vote.approve}/{vote.base}",
        *map(str, counts),
        text("passed" if vote.passed else "failed"),
    )


def _tasks(facts: Facts) -> Iterable[Block]:
    found = False
    for item in facts.items:
        said = [s for s in item.said if s.kind in ("task", "conclusion")]
        for one in said:
            who = f"{comrade(one.name)}: " if one.name else ""
            yield paragraph(_capital(who + sentence(one.text)))
        if item.conclusion:
            yield paragraph(
                sentence(item.conclusion),
                say("reports.minutes.item", number=item.number, title=item.title.rstrip(".")),
            )
        found = found or bool(said) or bool(item.conclusion)
    for one in facts.said:
        if one.kind in ("task", "conclusion"):
            who = f"{comrade(one.name)}: " if one.name else ""
            yield paragraph(_capital(who + sentence(one.text)))
            found = True
    if facts.conclusion:
        yield paragraph(sentence(facts.conclusion))
    elif not found:
        yield paragraph(text("no_tasks"))


def _opinions(facts: Facts) -> Iterable[Block]:
    every = [*(s for item in facts.items for s in item.said), *facts.said]
    lines = [
        say("reports.minutes.reserved", who=comrade(s.name), text=sentence(s.text))
        for s in every
        if s.kind == "reserved"
    ]
    lines += [
        say("reports.minutes.objection", name=name, text=sentence(words))
        for vote in facts.votes
        for name, words in vote.objections
    ]
    for line in lines or [text("no_opinions")]:
        yield paragraph(line)


def _evidence(facts: Facts) -> Iterable[Block]:
    recording = facts.recording
    if recording.checkpoints:
        yield paragraph(
            text(
                "recorded",
                segments=recording.segments,
                checkpoints=recording.checkpoints,
                checkpoint=grouped(recording.last_checkpoint[:16]),
            )
        )
    else:
        yield paragraph(text("not_recorded"))
    if recording.gaps:
        spans = (
            text("gap", begin=time_vi(g.start), end=time_vi(g.end or facts.ended_at))
            for g in recording.gaps
        )
        yield paragraph(text("gaps", count=len(recording.gaps), list=names(spans)))
    elif recording.checkpoints:
        yield paragraph(text("no_gaps"))
    if facts.minutes_agreed_at:
        yield paragraph(text("minutes", hash=grouped(facts.minutes_hash[:16])))
    yield paragraph(
        text(
            "sealed",
            seq=facts.head_seq,
            head=grouped(facts.head[:16]),
            rules=facts.rule_version,
        )
    )
