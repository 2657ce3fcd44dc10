from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from server.http.call import Principal
from server.http.errors import BadInput, Conflict, NotFound
from server.store import accounts
from tests.server.conftest import Desk

Body = Callable[..., dict[str, Any]]
MEMBERS = "/api/cells/{cell_id}/members"


async def add(desk: Desk, cell_id: str, body: dict[str, Any]) -> Any:
    return await desk("POST", MEMBERS, body, cell_id=cell_id)


async def give(desk: Desk, member_id: str, *roles: str) -> Any:
    path = "/api/members/{member_id}/roles"
    return await desk("PUT", path, {"roles": list(roles)}, member_id=member_id)


async def change(desk: Desk, member_id: str, body: dict[str, Any]) -> Any:
    return await desk("PUT", "/api/members/{member_id}", body, member_id=member_id)


async def audit(desk: Desk) -> list[tuple[str, str]]:
    lines = (await desk("GET", "/api/admin/audit")).lines
    return [(line.action, line.subject) for line in lines]


async def test_a_new_member_has_an_account_that_no_password_opens(
    desk: Desk, cell_id: str, member: Body
) -> None:
    made = await add(desk, cell_id, member(1, phone="+84 912 000 001"))
    assert made.phone == "0912000001"
    assert not made.has_factor
    account = await desk.services.database.read(accounts.by_id, made.account_id)
    assert account["password_hash"] is None
    assert (await audit(desk))[0] == ("member.create", "Lò Văn B (Chi bộ bản Phiêng Lót)")


async def test_a_member_of_two_cells_has_one_account(
    desk: Desk, cell_id: str, member: Body
) -> None:
    home = await add(desk, cell_id, member(1, temporary="elsewhere"))
    body = {"name": "Chi bộ Trường Tiểu học", "committee": "Đảng ủy xã Mường Tha"}
    other = await desk("POST", "/api/cells", body)
    guest = await add(desk, other.id, member(1, temporary="here"))
    assert guest.account_id == home.account_id
    cells = {c.name: c.official for c in (await desk_of(desk, "administrator")).cells}
    assert cells == {"Chi bộ bản Phiêng Lót": 1, "Chi bộ Trường Tiểu học": 0}


async def desk_of(desk: Desk, role: str) -> Any:
    desk.principal = Principal("account", roles=frozenset({(role, None)}))
    return await desk("GET", "/api/cells")


async def test_a_phone_never_gives_one_person_the_account_of_another(
    desk: Desk, cell_id: str, member: Body
) -> None:
    await add(desk, cell_id, member(1))
    with pytest.raises(Conflict) as same_cell:
        await add(desk, cell_id, member(2, phone="0912000001"))
    assert same_cell.value.code == "phone_in_cell"
    body = {"name": "Chi bộ khác", "committee": "Đảng ủy xã Mường Tha"}
    other = await desk("POST", "/api/cells", body)
    with pytest.raises(Conflict) as other_cell:
        await add(desk, other.id, member(2, phone="0912000001"))
    assert other_cell.value.code == "phone_of_another"
    assert (await desk("GET", MEMBERS, cell_id=other.id)).members == []


async def test_a_new_phone_moves_the_account_and_a_taken_one_is_refused(
    desk: Desk, cell_id: str, member: Body
) -> None:
    first = await add(desk, cell_id, member(1))
    await add(desk, cell_id, member(2))
    with pytest.raises(Conflict):
        await change(desk, first.id, member(1, phone="0912000002"))
    await change(desk, first.id, member(1, phone="0912999999"))
    account = await desk.services.database.read(accounts.by_id, first.account_id)
    assert account["phone"] == "0912999999"
    action, subject = (await audit(desk))[0]
    assert action == "member.change"
    assert "số điện thoại" in subject
    assert "0912999999" not in subject


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"name": "=cmd"}, "bad_name"),
        ({"phone": "123"}, "bad_phone"),
        ({"honour": "x" * 81}, "honour_too_long"),
        ({"left_at": "2026-11-03"}, "left_in_future"),
    ],
)
async def test_what_is_not_right_is_refused_in_a_sentence(
    desk: Desk, cell_id: str, member: Body, more: dict[str, Any], code: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        await add(desk, cell_id, member(1, **more))
    assert refusal.value.code == code
    assert refusal.value.message.endswith(".")
    assert await audit(desk) == [("cell.create", "Chi bộ bản Phiêng Lót")]


async def test_a_change_of_standing_is_audited_from_and_to(
    desk: Desk, cell_id: str, member: Body
) -> None:
    made = await add(desk, cell_id, member(1, kind="probationary"))
    body = member(1, exempt=True, circumstance="abroad")
    changed = await change(desk, made.id, body)
    assert (changed.kind, changed.exempt, changed.circumstance) == ("official", True, "abroad")
    assert (await audit(desk))[0][1] == (
        "Lò Văn B (Chi bộ bản Phiêng Lót): loại dự bị → chính thức; "
        "miễn công tác và sinh hoạt không → có; "
        "hoàn cảnh dự họp tập trung được → ở nước ngoài"
    )
    lines = len(await audit(desk))
    await change(desk, made.id, body)
    assert len(await audit(desk)) == lines


async def test_a_cell_has_one_secretary(desk: Desk, cell_id: str, member: Body) -> None:
    first, second = [await add(desk, cell_id, member(n)) for n in (1, 2)]
    assert (await give(desk, first.id, "secretary", "administrator")).roles == [
        "secretary",
        "administrator",
    ]
    with pytest.raises(Conflict) as refusal:
        await give(desk, second.id, "secretary")
    assert "Lò Văn B" in refusal.value.message
    await give(desk, first.id, "administrator")
    assert (await give(desk, second.id, "secretary")).roles == ["secretary"]
    with pytest.raises(BadInput):
        await give(desk, first.id, "secretary", "deputy")


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "probationary"},
        {"suspended": True},
        {"detained": True},
        {"temporary": "elsewhere"},
        {"temporary": "here"},
    ],
)
async def test_only_active_official_members_of_the_cell_lead_it(
    desk: Desk, cell_id: str, member: Body, more: dict[str, Any]
) -> None:
    made = await add(desk, cell_id, member(1, **more))
    with pytest.raises(Conflict):
        await give(desk, made.id, "deputy")
    leader = await add(desk, cell_id, member(2))
    await give(desk, leader.id, "deputy")
    with pytest.raises(Conflict) as refusal:
        await change(desk, leader.id, member(2, **more))
    assert refusal.value.code == "leader_must_be_official"


async def test_the_last_administrator_stays(desk: Desk, cell_id: str, member: Body) -> None:
    first, second = [await add(desk, cell_id, member(n)) for n in (1, 2)]
    await give(desk, first.id, "administrator")
    with pytest.raises(Conflict):
        await give(desk, first.id)
    await give(desk, second.id, "administrator")
    assert (await give(desk, first.id)).roles == []


async def test_leaving_the_cell_ends_its_roles_and_coming_back_does_not_restore_them(
    desk: Desk, cell_id: str, member: Body
) -> None:
    made = await add(desk, cell_id, member(1))
    await give(desk, made.id, "secretary")
    left = await change(desk, made.id, member(1, left_at="2026-11-01"))
    assert (left.roles, left.left_at) == ([], date(2026, 11, 1))
    assert [action for action, _ in await audit(desk)][:2] == ["member.change", "role.end"]
    back = await add(desk, cell_id, member(1))
    assert (back.id, back.left_at, back.roles) == (made.id, None, [])
    with pytest.raises(NotFound):
        await change(desk, "nobody", member(1))


async def test_the_roster_begins_with_the_secretary_and_ends_with_those_who_left(
    desk: Desk, cell_id: str, member: Body
) -> None:
    made = [await add(desk, cell_id, member(n)) for n in (3, 1, 2, 4)]
    await give(desk, made[3].id, "secretary")
    await change(desk, made[1].id, member(1, left_at="2026-11-01"))
    listed = (await desk("GET", MEMBERS, cell_id=cell_id)).members
    assert [m.name[-1] for m in listed] == ["E", "C", "D", "B"]


async def test_cells_have_names_of_their_own_and_members_see_only_theirs(
    desk: Desk, cell_id: str
) -> None:
    body = {"name": "Chi bộ  bản Phiêng Lót ", "committee": "Đảng ủy xã Mường Tha"}
    with pytest.raises(Conflict):
        await desk("POST", "/api/cells", body)
    with pytest.raises(BadInput):
        await desk("POST", "/api/cells", body | {"name": " "})
    renamed = await desk("PUT", "/api/cells/{cell_id}", body | {"code": "01"}, cell_id=cell_id)
    assert (renamed.name, renamed.code) == ("Chi bộ bản Phiêng Lót", "01")
    other = await desk("POST", "/api/cells", body | {"name": "Chi bộ khác"})
    desk.principal = Principal("account", cell_id=other.id)
    assert [c.id for c in (await desk("GET", "/api/cells")).cells] == [other.id]
    desk.principal = Principal("account")
    assert (await desk("GET", "/api/cells")).cells == []
