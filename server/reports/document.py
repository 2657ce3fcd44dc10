"""A document as paragraphs and tables, before it is HTML or PDF; and how Vietnamese dates read."""

from dataclasses import dataclass
from datetime import datetime

from server.session.times import VIETNAM
from server.texts import say


@dataclass(frozen=True, slots=True)
class Run:
    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Columns are as wide as their `weights` say; all cells are text."""

    weights: tuple[int, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Paragraph | Heading | Table


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signs where: lines in capitals, room for a signature, and the name."""

    lines: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Document:
    kind: str  # minutes, report
    superior: str
    issuer: str
    number: str
    place_date: str  # empty for minutes
    title: str
    subject: str
    addressee: str
    blocks: tuple[Block, ...]
    left: Signature | None
    recipients: tuple[str, ...]
    right: Signature
    footer: str


def paragraph(text: str, lead: str = "") -> Paragraph:
    """A paragraph; `lead` is its bold beginning."""
    runs = (Run(lead + " ", True),) if lead else ()
    return Paragraph((*runs, Run(text)) if text else runs)


def time_vi(time: datetime) -> str:
    local = time.astimezone(VIETNAM)
    return say("reports.time", hour=local.hour, minute=local.minute)


def date_vi(time: datetime) -> str:
    """As 05-HD/VPTW writes it: days below 10 and the months 1 and 2 get a leading zero."""
    local = time.astimezone(VIETNAM)
    month = f"{local.month:02d}" if local.month < 3 else str(local.month)
    return say("reports.date", day=local.day, month=month, year=local.year)


def superior_of(committee: str) -> str:
    """The body above as heads of documents name it: the Party organisation, in capitals."""
    if committee.casefold().startswith("đảng ủy "):
        committee = "Đảng bộ " + committee[len("đảng ủy ") :]
    return committee.upper()


def percent_vi(part: int, whole: int) -> str:
    """A share for reading only, at most two decimals, cut and never rounded up: 66,66 %."""
    if whole <= 0:
        return "0 %"
    hundredths = part * 10000 // whole
    text = f"{hundredths // 100},{hundredths % 100:02d}".rstrip("0").rstrip(",")
    return f"{text} %"
