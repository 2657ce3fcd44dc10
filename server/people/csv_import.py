"""Members from a spreadsheet: read leniently, judged line by line, written all or not at all."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from server.http.errors import Refused
from server.people.members import Actor, change_member, create_member
from server.people.models import CsvLine, CsvPreview, MemberBody, MemberKind, Temporary
from server.people.names import plain, same_name, tidy_name, tidy_phone
from server.store import people as store
from server.store.database import Connection, Database
from server.texts import say
from voting.eligibility import Circumstance

T = TypeVar("T")

MAX_LINES = 1000
REQUIRED = ("name", "phone", "kind")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("ho ten", "ho va ten"),
    "phone": ("dien thoai", "so dien thoai", "sdt"),
    "kind": ("loai", "loai dang vien"),
    "exempt": ("mien", "mien sinh hoat", "mien cong tac va sinh hoat"),
    "suspended": ("dinh chi", "dinh chi sinh hoat"),
    "temporary": ("noi", "noi sinh hoat"),
    "circumstance": ("hoan canh",),
}
KINDS: Mapping[str, MemberKind] = {
    "chinh thuc": "official",
    "ct": "official",
    "du bi": "probationary",
    "db": "probationary",
}
FLAGS = {"x": True, "co": True, "1": True, "": False, "khong": False, "0": False}
TEMPORARY: Mapping[str, Temporary] = {
    "": "none",
    "tai chi bo": "none",
    "noi khac": "elsewhere",
    "tam thoi noi khac": "elsewhere",
    "noi khac den": "here",
    "tam thoi den": "here",
}
_SHORT = {
    "": Circumstance.NONE,
    "khong": Circumstance.NONE,
    "nuoc ngoai": Circumstance.ABROAD,
    "nhieu tinh": Circumstance.OFFICES_IN_SEVERAL_PROVINCES,
    "tinh khac": Circumstance.OFFICES_IN_SEVERAL_PROVINCES,
    "lam xa": Circumstance.WORK_FAR_FROM_HOME,
    "lam viec xa": Circumstance.WORK_FAR_FROM_HOME,
    "sinh vien": Circumstance.STUDENT_SUMMER_BREAK,
    "luc luong vu trang": Circumstance.ARMED_FORCES_DUTY,
    "y te": Circumstance.HEALTH_DUTY,
    "kiem lam": Circumstance.FOREST_RANGER_DUTY,
    "tau bien": Circumstance.SHIP_SEA_OR_ISLAND,
    "hai dao": Circumstance.SHIP_SEA_OR_ISLAND,
    "thien tai": Circumstance.DISASTER,
    "khan cap": Circumstance.EMERGENCY,
}
CIRCUMSTANCES = {
    **{plain(c.text_vi): c for c in Circumstance},
    **{plain(c.value): c for c in Circumstance},
    **_SHORT,
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """One line of the file; `member` is None when it has errors (sentences)."""

    line: int
    cells: Mapping[str, str]
    errors: tuple[str, ...]
    member: MemberBody | None

    def shown(self, more: tuple[str, ...] = ()) -> CsvLine:
        return CsvLine(
            line=self.line,
            name=self.cells.get("name", "")[:80],
            phone=self.cells.get("phone", "")[:30],
            kind=self.cells.get("kind", "")[:30],
            errors=[*self.errors, *more],
        )


def parse(text: str) -> list[Parsed]:
    """Every line with its errors; errors of the header or the file stand on the line they hit."""
    text = text.removeprefix("\ufeff")
    try:
        rows = list(_rows(text))
    except csv.Error:
        return [_file_error(1, "csv.unreadable")]
    if not rows:
        return [_file_error(1, "csv.empty")]
    at, header = rows[0]
    columns, problems = _columns(header)
    if problems:
        return [Parsed(at, {}, tuple(problems), None)]
    if len(rows) == 1:
        return [_file_error(at, "csv.empty")]
    if len(rows) - 1 > MAX_LINES:
        return [_file_error(at, "csv.too_many_lines", most=MAX_LINES)]
    parsed: list[Parsed] = []
    first_line: dict[str, int] = {}
    for line, row in rows[1:]:
        parsed.append(_line(line, row, columns, first_line))
    return parsed


async def import_members(
    database: Database, actor: Actor, cell_id: str, text: str, *, keep: bool
) -> CsvPreview:
    """Applies every line; undoes all of it unless every line is right and `keep` is set.

    Members are found again by phone, so the same file twice changes nothing the second time.
    """
    parsed = parse(text)
    try:
        return await database.write(_apply, actor, cell_id, parsed, keep)
    except _Undone as undone:
        return undone.preview


class _Undone(Exception):
    """Rolls the transaction back and carries what it would have done."""

    def __init__(self, preview: CsvPreview) -> None:
        super().__init__()
        self.preview = preview


def _apply(
    conn: Connection, actor: Actor, cell_id: str, parsed: list[Parsed], keep: bool
) -> CsvPreview:
    lines: list[CsvLine] = []
    written = 0
    for line in parsed:
        more: tuple[str, ...] = ()
        if line.member is not None:
            try:
                written += _apply_line(conn, actor, cell_id, line.member)
            except Refused as refusal:
                more = (refusal.message,)
        lines.append(line.shown(more))
    wrong = sum(1 for line in lines if line.errors)
    if wrong or not keep:
        raise _Undone(CsvPreview(lines=lines, errors=wrong, written=0))
    actor.audit(conn, "member.import", say("csv.audit", lines=len(lines), written=written))
    return CsvPreview(lines=lines, errors=0, written=written)


def _apply_line(conn: Connection, actor: Actor, cell_id: str, body: MemberBody) -> bool:
    known = store.member_by_phone(conn, cell_id, body.phone)
    if known is None or known["left_at"] is not None or not same_name(known["name"], body.name):
        create_member(conn, actor, cell_id, body)
        return True
    # What the file has no column for stays as it is.
    kept = {"name": known["name"], "honour": known["honour"], "detained": known["detained"]}
    return change_member(conn, actor, known["id"], body.model_copy(update=kept))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold anything, with the line each starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    begins = 1
    for row in reader:
        if any(value.strip() for value in row):
            yield begins, row
        begins = reader.line_num + 1


def _delimiter(text: str) -> str:
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(";\t,", key=header.count)


def _columns(header: list[str]) -> tuple[list[str | None], list[str]]:
    """Which field each column holds, and what is wrong with the header."""
    by_alias = {alias: field for field, aliases in COLUMNS.items() for alias in aliases}
    columns: list[str | None] = []
    problems: list[str] = []
    for title in header:
        field = by_alias.get(plain(title))
        if field is None and title.strip():
            problems.append(say("csv.column_unknown", column=title.strip()[:40]))
        elif field is not None and field in columns:
            problems.append(say("csv.column_twice", column=title.strip()[:40]))
        columns.append(field)
    problems += [
        say("csv.column_missing", column=say(f"csv_column.{field}"))
        for field in REQUIRED
        if field not in columns
    ]
    return columns, problems


def _line(
    line: int, row: list[str], columns: list[str | None], first_line: dict[str, int]
) -> Parsed:
    cells = {
        field: value.strip()
        for field, value in zip(columns, row, strict=False)
        if field is not None
    }
    errors: list[str] = []
    if any(value.strip() for value in row[len(columns) :]):
        errors.append(say("csv.too_many_values"))

    def judged(code: str, field: str, value: T | None) -> T | None:
        if value is None:
            errors.append(say(f"csv.{code}", value=cells.get(field, "")[:40]))
        return value

    name = judged("bad_name", "name", tidy_name(cells.get("name", "")))
    phone = judged("bad_phone", "phone", tidy_phone(cells.get("phone", "")))
    kind = judged("bad_kind", "kind", KINDS.get(plain(cells.get("kind", ""))))
    exempt = judged("bad_flag", "exempt", _flag(cells, "exempt"))
    suspended = judged("bad_flag", "suspended", _flag(cells, "suspended"))
    temporary = judged("bad_place", "temporary", TEMPORARY.get(plain(cells.get("temporary", ""))))
    circumstance = judged(
        "bad_circumstance", "circumstance", CIRCUMSTANCES.get(plain(cells.get("circumstance", "")))
    )
    if phone is not None and first_line.setdefault(phone, line) != line:
        errors.append(say("csv.phone_twice", line=first_line[phone]))
    if errors:
        return Parsed(line, cells, tuple(errors), None)
    values = {
        "name": name,
        "phone": phone,
        "kind": kind,
        "exempt": exempt,
        "suspended": suspended,
        "temporary": temporary,
        "circumstance": circumstance,
    }
    return Parsed(line, cells, (), MemberBody.model_validate(values))


def _flag(cells: Mapping[str, str], field: str) -> bool | None:
    return FLAGS.get(plain(cells.get(field, "")))


def _file_error(line: int, code: str, **params: int) -> Parsed:
    return Parsed(line, {}, (say(code, **params),), None)
