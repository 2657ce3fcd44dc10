from collections.abc import Callable
from typing import Any

import pytest

from server.http.errors import BadInput
from tests.server.conftest import Desk

Body = Callable[..., dict[str, Any]]


async def fill(desk: Desk, cell_id: str, member: Body, here: int, away: int) -> None:
    for n in range(here + away):
        body = member(n, circumstance="work_far_from_home" if n >= here else "none")
        await desk("POST", "/api/cells/{cell_id}/members", body, cell_id=cell_id)


async def shown(desk: Desk, cell_id: str) -> Any:
    return await desk("GET", "/api/cells/{cell_id}/eligibility", cell_id=cell_id)


async def test_the_sum_is_shown_as_a_sentence(desk: Desk, cell_id: str, member: Body) -> None:
    await fill(desk, cell_id, member, here=9, away=13)
    view = await shown(desk, cell_id)
    assert view.sentence == (
        "13 trên 22 đồng chí không thể họp tại một nơi; "
        "cần hơn một nửa, tức ít nhất 12: đủ điều kiện."
    )
    assert view.eligible


async def test_exactly_one_half_is_not_enough(desk: Desk, cell_id: str, member: Body) -> None:
    await fill(desk, cell_id, member, here=11, away=11)
    view = await shown(desk, cell_id)
    assert (view.eligible, view.cannot_meet, view.needed) == (False, 11, 12)
    assert view.sentence.endswith("tức ít nhất 12: chưa đủ điều kiện.")


async def test_who_is_outside_the_sum_is_named_with_the_reason(
    desk: Desk, cell_id: str, member: Body
) -> None:
    await fill(desk, cell_id, member, here=2, away=2)
    for n, more in enumerate(
        [
            {"exempt": True},
            {"suspended": True},
            {"temporary": "here", "circumstance": "abroad"},
            {"kind": "probationary", "circumstance": "abroad"},
            {"left_at": "2026-11-01"},
        ]
    ):
        body = member(10 + n, **more)
        await desk("POST", "/api/cells/{cell_id}/members", body, cell_id=cell_id)
    view = await shown(desk, cell_id)
    assert (view.members, view.exempt, view.suspended, view.denominator) == (7, 1, 1, 5)
    assert view.members - view.exempt - view.suspended == view.denominator
    assert (view.cannot_meet, view.eligible) == (3, True)
    why = [row.excluded_why for row in view.rows if not row.counted]
    assert sorted(why) == ["exempt", "suspended", "temporary_here"]
    assert len(view.rows) == 8


async def test_authorisations_are_checked_and_listed_newest_first(desk: Desk, cell_id: str) -> None:
    path = "/api/cells/{cell_id}/authorisations"
    body = {
        "issuer": "Đảng ủy xã Mường Tha",
        "number": "12-CV/ĐU",
        "date": "2026-01-05",
        "valid_until": "2026-12-31",
    }
    await desk("POST", path, body, cell_id=cell_id)
    later = body | {"number": "31-CV/ĐU", "date": "2026-06-01"}
    await desk("POST", path, later, cell_id=cell_id)
    listed = (await desk("GET", path, cell_id=cell_id)).authorisations
    assert [a.number for a in listed] == ["31-CV/ĐU", "12-CV/ĐU"]
    for wrong in (
        {"valid_until": "2026-01-04"},
        {"date": "2026-11-03"},
        {"number": " "},
        {"issuer": "x" * 161},
    ):
        with pytest.raises(BadInput):
            await desk("POST", path, body | wrong, cell_id=cell_id)


async def test_every_rule_in_force_is_listed_in_vietnamese_with_its_source(desk: Desk) -> None:
    listed = await desk("GET", "/api/rules")
    by_key = {rule.key: rule for rule in listed.rules}
    threshold = by_key["eligibility.threshold"]
    assert (threshold.value, threshold.words) == ("more_than_half", "quá nửa")
    assert threshold.source == "03-HD/TW mục II.1.1"
    secret = by_key["online.secret_ballot_allowed"]
    assert (secret.value, secret.words) == ("false", "không")
    assert "bầu cử" in by_key["online.barred_contents"].words
    assert by_key["quorum.attendance_floor"].words == "không đặt"
    assert by_key["materials.lead_days"].value == "1"
    assert not [rule.key for rule in listed.rules if "_" in rule.words or not rule.source]
