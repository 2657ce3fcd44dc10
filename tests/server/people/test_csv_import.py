import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.people.csv_import import CIRCUMSTANCES, FLAGS, KINDS, MAX_LINES, TEMPORARY, parse
from tests.server.conftest import Desk
from voting.eligibility import Circumstance

HEADER = "họ tên;điện thoại;loại;miễn;đình chỉ;nơi;hoàn cảnh"
GOOD = f"""{HEADER}
Lò Văn An;0912 000 001;chính thức;;;;làm việc xa nơi cư trú
Vi Thị Bình;0912000002;Dự bị;x;;tạm thời nơi khác;
Hà Văn Cường;+84912000003;chính thức;không;có;;ở nước ngoài
"""


async def load(desk: Desk, cell_id: str, text: str, *, preview: bool = False) -> Any:
    path = "/api/cells/{cell_id}/members/csv" + ("/preview" if preview else "")
    return await desk("POST", path, {"text": text}, cell_id=cell_id)


async def roster(desk: Desk, cell_id: str) -> list[Any]:
    return (await desk("GET", "/api/cells/{cell_id}/members", cell_id=cell_id)).members


async def test_a_preview_shows_every_line_and_writes_nothing(desk: Desk, cell_id: str) -> None:
    shown = await load(desk, cell_id, GOOD, preview=True)
    assert (shown.errors, shown.written) == (0, 0)
    assert [(line.line, line.name) for line in shown.lines] == [
        (2, "Lò Văn An"),
        (3, "Vi Thị Bình"),
        (4, "Hà Văn Cường"),
    ]
    assert await roster(desk, cell_id) == []


async def test_the_same_file_twice_changes_nothing_the_second_time(
    desk: Desk, cell_id: str
) -> None:
    assert (await load(desk, cell_id, GOOD)).written == 3
    first = await roster(desk, cell_id)
    assert (await load(desk, cell_id, "\ufeff" + GOOD.replace("\n", "\r\n"))).written == 0
    assert await roster(desk, cell_id) == first
    binh = next(m for m in first if m.name == "Vi Thị Bình")
    assert (binh.kind, binh.exempt, binh.temporary) == ("probationary", True, "elsewhere")
    cuong = next(m for m in first if m.name == "Hà Văn Cường")
    assert (cuong.exempt, cuong.suspended, cuong.circumstance) == (False, True, "abroad")


async def test_one_wrong_line_keeps_all_lines_out_and_every_error_is_named(
    desk: Desk, cell_id: str
) -> None:
    wrong = GOOD + "=HYPERLINK();09;đảng viên;có lẽ;;sao Hỏa;bận\nLò Văn An;0912000001;ct;;;;\n"
    shown = await load(desk, cell_id, wrong)
    assert (shown.errors, shown.written) == (2, 0)
    assert len(shown.lines[3].errors) == 6
    assert shown.lines[4].errors == ["Số điện thoại này đã có ở dòng 2."]
    assert await roster(desk, cell_id) == []


async def test_a_known_member_is_changed_and_what_the_file_does_not_say_is_kept(
    desk: Desk, cell_id: str
) -> None:
    body = {
        "name": "Lò Văn An",
        "phone": "0912000001",
        "kind": "probationary",
        "honour": "Huy hiệu 50 năm tuổi Đảng",
        "detained": True,
    }
    await desk("POST", "/api/cells/{cell_id}/members", body, cell_id=cell_id)
    assert (await load(desk, cell_id, GOOD)).written == 3
    an = next(m for m in await roster(desk, cell_id) if m.name == "Lò Văn An")
    assert (an.kind, an.honour, an.detained) == ("official", "Huy hiệu 50 năm tuổi Đảng", True)


async def test_a_phone_of_somebody_else_is_an_error_of_its_line(desk: Desk, cell_id: str) -> None:
    body = {"name": "Quàng Thị Dung", "phone": "0912000002", "kind": "official"}
    await desk("POST", "/api/cells/{cell_id}/members", body, cell_id=cell_id)
    shown = await load(desk, cell_id, GOOD, preview=True)
    assert [line.line for line in shown.lines if line.errors] == [3]
    assert "Quàng Thị Dung" in shown.lines[1].errors[0]
    assert (await load(desk, cell_id, GOOD)).written == 0
    assert len(await roster(desk, cell_id)) == 1


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "không có dòng nào"),
        (HEADER, "không có dòng nào"),
        ("họ tên;loại\nLò Văn An;ct", "Thiếu cột “điện thoại”"),
        (HEADER + ";họ tên\nx", "có hai lần"),
        (HEADER + ";tuổi\nx", "Không nhận cột “tuổi”"),
        (HEADER + '\n"Lò Văn An;0912000001;ct', "không đọc được"),
        (HEADER + "\n" + "Lò Văn An;0912000001;ct\n" * (MAX_LINES + 1), "quá nhiều dòng"),
        (HEADER + "\n" + "x" * 200_000, "không đọc được"),
        (HEADER + "\nLò Văn An;0912000001;ct;;;;;thừa", "nhiều ô hơn số cột"),
    ],
)
async def test_a_file_that_is_not_the_form_is_refused_in_a_sentence(
    desk: Desk, cell_id: str, text: str, part: str
) -> None:
    shown = await load(desk, cell_id, text)
    assert (shown.errors, shown.written) == (1, 0)
    assert part in shown.lines[0].errors[0]


def test_every_circumstance_of_the_rules_can_be_written_in_words() -> None:
    assert set(CIRCUMSTANCES.values()) == set(Circumstance)


LETTERS = "aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạ"
WORD = st.text(LETTERS, min_size=1, max_size=7)
PERSON = st.fixed_dictionaries(
    {
        "name": st.lists(WORD, min_size=2, max_size=4).map(lambda words: " ".join(words).title()),
        "kind": st.sampled_from(sorted(KINDS)),
        "exempt": st.sampled_from(sorted(FLAGS)),
        "suspended": st.sampled_from(sorted(FLAGS)),
        "temporary": st.sampled_from(sorted(TEMPORARY)),
        "circumstance": st.sampled_from(sorted(CIRCUMSTANCES)),
    }
)
TITLES = {
    "name": "Họ và tên",
    "phone": "ĐIỆN THOẠI",
    "kind": "loại",
    "exempt": "Miễn",
    "suspended": "đình chỉ",
    "temporary": "Nơi",
    "circumstance": "Hoàn cảnh",
}


@given(
    people=st.lists(PERSON, min_size=1, max_size=8),
    order=st.permutations(list(TITLES)),
    delimiter=st.sampled_from(";,\t"),
    bom=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_whatever_a_spreadsheet_writes_is_read_back(
    people: list[dict[str, str]],
    order: list[str],
    delimiter: str,
    bom: bool,
    newline: str,
    quoting: Any,
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=quoting)
    writer.writerow([TITLES[field] for field in order])
    for n, person in enumerate(people):
        writer.writerow([{**person, "phone": f"09120000{n:02d}"}[field] for field in order])
    parsed = parse("\ufeff" * bom + out.getvalue())
    assert [line.line for line in parsed] == list(range(2, len(people) + 2))
    for n, (line, person) in enumerate(zip(parsed, people, strict=True)):
        assert line.errors == ()
        assert line.member is not None
        assert line.member.model_dump() == {
            "name": person["name"],
            "phone": f"09120000{n:02d}",
            "kind": KINDS[person["kind"]],
            "exempt": FLAGS[person["exempt"]],
            "suspended": FLAGS[person["suspended"]],
            "detained": False,
            "temporary": TEMPORARY[person["temporary"]],
            "circumstance": CIRCUMSTANCES[person["circumstance"]],
            "honour": "",
            "left_at": None,
        }


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    for line in parse(text):
        assert line.errors or line.member


@given(st.text(), st.text(";,\t\n\"' 0123456789chínhtứdụ"))
def test_no_body_breaks_the_reader(one: str, other: str) -> None:
    for line in parse(f"{HEADER}\n{one}\n{other}"):
        assert (line.member is None) == bool(line.errors)
        assert line.line >= 1
