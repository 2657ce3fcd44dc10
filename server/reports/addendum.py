"""The addendum (phần bổ sung) to a report that the upper committee returned.

It stands beside what was sealed and changes nothing of it: each correction names the version it
makes and the SHA-256 of the one it corrects.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from server.reports.document import (
    Block,
    Document,
    Heading,
    Signature,
    date_vi,
    paragraph,
    superior_of,
    time_vi,
)
from server.reports.facts import Facts
from server.reports.minutes import comrade, footer, grouped, sentence
from server.session.events import Logged
from server.session.fold import fold
from server.texts import say


@dataclass(frozen=True, slots=True)
class CorrectionFacts:
    """An addendum as the log has it; `seq` and `head` are its line's."""

    version: int
    corrects: str
    reason: str
    text: str
    by: str
    at: datetime
    seq: int
    head: str


def corrections(session: str, log: Sequence[Logged]) -> tuple[CorrectionFacts, ...]:
    state = fold(session, log)
    if state is None:
        return ()
    return tuple(
        CorrectionFacts(
            c.version, c.corrects, c.reason, c.text, state.name(c.person), c.at, c.seq, c.head
        )
        for c in state.corrections
    )


def text(key: str, **params: object) -> str:
    return say(f"reports.addendum.{key}", **params)


def addendum(facts: Facts, made: Sequence[CorrectionFacts]) -> Document:
    """All corrections so far, the oldest first. `made` must not be empty."""
    last = made[-1]
    date = date_vi(last.at)
    return Document(
        kind="addendum",
        superior=superior_of(facts.committee),
        issuer=facts.cell_name.upper(),
        number=text("number", version=last.version),
        place_date=text("place_date", date=date[:1].upper() + date[1:]),
        title=text("title"),
        subject=text("subject", title=facts.title[:1].lower() + facts.title[1:]),
        addressee=say("reports.report.to", committee=facts.committee),
        blocks=tuple(_blocks(facts, made)),
        left=Signature((text("writer"),), last.by),
        recipients=(),
        right=Signature((say("reports.minutes.presiding"),), facts.chair),
        footer=footer(replace(facts, head_seq=last.seq, head=last.head)),
    )


def _blocks(facts: Facts, made: Sequence[CorrectionFacts]) -> Iterable[Block]:
    yield paragraph(text("unchanged", seq=facts.head_seq, head=grouped(facts.head[:16])))
    for one in made:
        yield Heading(text("heading", number=one.version - 1, version=one.version))
        yield paragraph(
            text("returned", committee=facts.committee, reason=sentence(one.reason)),
            text("why"),
        )
        for part in one.text.split("\n"):
            if part.strip():
                yield paragraph(sentence(part.strip()))
        yield paragraph(
            text(
                "by",
                who=comrade(one.by),
                time=time_vi(one.at),
                date=date_vi(one.at),
                line=one.seq,
                sha256=grouped(one.corrects[:16]),
            )
        )
