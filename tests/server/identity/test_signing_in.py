import asyncio

import pyotp

from tests.server.identity.conftest import MEMBER, SECRETARY, Village
from tests.server.site import PASSWORD, Browser


async def password_given(village: Village, phone: str = SECRETARY) -> Browser:
    browser = village.browser()
    await browser.ok("POST", "/api/sign-in/password", {"phone": phone, "password": PASSWORD})
    return browser


async def test_a_phone_may_be_typed_with_spaces_or_country_code(village: Village) -> None:
    for typed in ("0900 000 101", "+84 900 000 101", "0900.000.101"):
        body = {"phone": typed, "password": PASSWORD}
        step = await village.browser().ok("POST", "/api/sign-in/password", body)
        assert step["name"] == "Lò Văn Chung"
        assert [factor["kind"] for factor in step["factors"]] == ["totp"]
        assert not step["enrol"]


async def test_the_password_alone_opens_nothing(village: Village) -> None:
    browser = await password_given(village)
    answer = await browser("GET", "/api/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "factor_missing")


async def test_an_unknown_phone_and_a_wrong_password_get_the_same_answer(village: Village) -> None:
    wrong = {"phone": SECRETARY, "password": "sai mật khẩu"}
    unknown = {"phone": "0900000199", "password": PASSWORD}
    answers = [
        await village.browser()("POST", "/api/sign-in/password", b) for b in (wrong, unknown)
    ]
    assert answers[0].status_code == answers[1].status_code == 401
    assert answers[0].json() == answers[1].json()
    assert not answers[0].cookies


async def test_the_second_factor_gives_a_new_token_and_voids_the_old_one(village: Village) -> None:
    browser = await password_given(village)
    before = browser.http.cookies["chibo"]
    code = {"kind": "totp", "code": village.code(SECRETARY)}
    me = await browser.ok("POST", "/api/sign-in/factor", code)
    assert browser.http.cookies["chibo"] != before
    assert [role["role"] for role in me["roles"]] == ["secretary"]
    thief = village.browser()
    thief.http.cookies.set("chibo", before)
    assert (await thief("GET", "/api/me")).status_code == 401


async def test_a_code_is_good_once_also_when_sent_twice_at_once(village: Village) -> None:
    browsers = [await password_given(village) for _ in range(4)]
    code = {"kind": "totp", "code": village.code(SECRETARY)}
    answers = await asyncio.gather(*(b("POST", "/api/sign-in/factor", code) for b in browsers))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_sign_in_and_roll_call_within_one_code_still_work(village: Village) -> None:
    secretary = await village.signed_in(SECRETARY)
    me = await secretary.ok("GET", "/api/me")
    village.clock.forward(minutes=59)
    assert me["factor_fresh_until"] > village.clock().isoformat()
    village.clock.forward(minutes=2)
    assert me["factor_fresh_until"] < village.clock().isoformat()


async def test_codes_one_step_early_or_late_are_taken_and_older_ones_not(village: Village) -> None:
    for steps, expected in ((-2, 401), (-1, 200), (1, 200), (2, 401)):
        browser = await password_given(village)
        at = village.clock().timestamp() + 30 * steps
        code = {"kind": "totp", "code": pyotp.TOTP(village.secrets[SECRETARY]).at(int(at))}
        answer = await browser("POST", "/api/sign-in/factor", code)
        assert answer.status_code == expected, steps
        village.clock.forward(minutes=3)


async def test_guessing_is_slowed_per_source_and_who_is_signed_in_stays(village: Village) -> None:
    member_at_work = await village.signed_in(SECRETARY, "10.0.0.1")
    village.clock.forward(minutes=1)
    guesser = village.browser("10.0.0.66")
    wrong = {"phone": SECRETARY, "password": "đoán bừa một cái"}
    codes = [(await guesser("POST", "/api/sign-in/password", wrong)).status_code for _ in range(7)]
    assert codes == [401] * 6 + [429]
    blocked = await guesser("POST", "/api/sign-in/password", wrong)
    assert int(blocked.headers["retry-after"]) > 0
    assert "chờ" in blocked.json()["message"]
    # Neither the person's own browser nor their sign-in from elsewhere feels it.
    await member_at_work.ok("GET", "/api/me")
    code = {"kind": "totp", "code": village.code(SECRETARY)}
    await member_at_work.ok("POST", "/api/me/factor", code)
    village.clock.forward(minutes=1)
    await village.signed_in(SECRETARY, "10.0.0.2")
    # And waiting helps, but the next failure costs twice as much.
    village.clock.forward(seconds=int(blocked.headers["retry-after"]) + 1)
    assert (await guesser("POST", "/api/sign-in/password", wrong)).status_code == 401


async def test_parallel_guesses_cannot_pass_the_limit(village: Village) -> None:
    guesser = village.browser("10.0.0.66")
    wrong = {"phone": SECRETARY, "password": "đoán bừa một cái"}
    tries = (guesser("POST", "/api/sign-in/password", wrong) for _ in range(20))
    statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert statuses.count(401) == 6


async def test_sign_ins_are_listed_and_another_one_can_be_ended(village: Village) -> None:
    phone = await village.signed_in(SECRETARY)
    village.clock.forward(minutes=1)
    laptop = await village.signed_in(SECRETARY)
    listed = (await laptop.ok("GET", "/api/me/sign-ins"))["sign_ins"]
    other = next(one for one in listed if not one["current"])
    await laptop.ok("DELETE", f"/api/me/sign-ins/{other['id']}")
    assert (await phone("GET", "/api/me")).status_code == 401
    await laptop.ok("GET", "/api/me")


async def test_somebody_elses_sign_in_cannot_be_ended(village: Village) -> None:
    secretary = await village.signed_in(SECRETARY)
    mine = (await secretary.ok("GET", "/api/me/sign-ins"))["sign_ins"][0]["id"]
    await village.person(MEMBER, "Quàng Văn Thịnh")
    member = await village.signed_in(MEMBER)
    assert (await member("DELETE", f"/api/me/sign-ins/{mine}")).status_code == 404
    await secretary.ok("GET", "/api/me")


async def test_a_sign_in_ends_after_twelve_idle_hours_and_after_seven_days(
    village: Village,
) -> None:
    idle = await village.signed_in(SECRETARY)
    village.clock.forward(hours=11, minutes=59)
    await idle.ok("GET", "/api/me")
    village.clock.forward(hours=12, minutes=1)
    assert (await idle("GET", "/api/me")).status_code == 401
    busy = await village.signed_in(SECRETARY)
    for _ in range(16):
        village.clock.forward(hours=10)
        await busy.ok("GET", "/api/me")
    village.clock.forward(hours=9)
    assert (await busy("GET", "/api/me")).status_code == 401


async def test_signing_out_ends_it_on_the_server_too(village: Village) -> None:
    browser = await village.signed_in(SECRETARY)
    token = browser.http.cookies["chibo"]
    await browser.ok("POST", "/api/sign-out")
    browser.http.cookies.set("chibo", token)
    assert (await browser("GET", "/api/me")).status_code == 401


async def test_a_new_password_ends_the_other_sign_ins(village: Village) -> None:
    other = await village.signed_in(SECRETARY)
    village.clock.forward(minutes=1)
    mine = await village.signed_in(SECRETARY)
    body = {"old_password": PASSWORD, "new_password": "nước sạch cho bản"}
    wrong = await mine("POST", "/api/me/password", body | {"old_password": "sai"})
    assert wrong.json()["code"] == "wrong_old_password"
    await mine.ok("POST", "/api/me/password", body)
    await mine.ok("GET", "/api/me")
    assert (await other("GET", "/api/me")).status_code == 401


async def test_tokens_and_secrets_stand_nowhere_in_the_database(village: Village) -> None:
    browser = await village.signed_in(SECRETARY)
    secret, token = village.secrets[SECRETARY], browser.http.cookies["chibo"]
    rows = await village.services.database.read(everything)
    assert "Lò Văn Chung" in rows
    for hidden in (secret, token, PASSWORD):
        assert hidden not in rows


def everything(conn: object) -> str:
    from server.store.tables import metadata

    tables = metadata.sorted_tables
    return "\n".join(repr(conn.execute(table.select()).all()) for table in tables)  # type: ignore[attr-defined]
