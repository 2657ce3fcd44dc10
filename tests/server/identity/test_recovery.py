from server.identity.installation import first_administrator_link
from server.store import factors
from tests.server.identity.conftest import ADMINISTRATOR, DEPUTY, MEMBER, SECRETARY, Village
from tests.server.site import PASSWORD, Browser

NEW = "mười cây số đường đèo"


def token_of(link: str) -> str:
    address, _, token = link.partition("#")
    assert address.endswith("/mot-lan")
    return token


async def use(village: Village, link: str, **more: str) -> int:
    body = {"token": token_of(link), "new_password": NEW, **more}
    return (await village.browser()("POST", "/api/one-time-link", body)).status_code


async def enrol_app(village: Village, phone: str, password: str = NEW) -> tuple[Browser, list[str]]:
    """Signs in with only a password and enrols an authenticator app; its recovery codes."""
    browser = village.browser()
    body = {"phone": phone, "password": password}
    step = await browser.ok("POST", "/api/sign-in/password", body)
    assert step["enrol"]
    totp = await browser.ok("POST", "/api/sign-in/totp")
    assert totp["qr_svg"].startswith("<svg")
    village.secrets[phone] = totp["secret"]
    code = {"kind": "totp", "code": village.code(phone)}
    codes = (await browser.ok("POST", "/api/sign-in/totp/confirm", code))["codes"]
    browser.csrf = (await browser.ok("GET", "/api/me"))["csrf"]
    return browser, codes


async def test_an_invited_member_sets_a_password_and_enrols_an_app(village: Village) -> None:
    secretary = await village.signed_in(SECRETARY)
    path = f"/api/members/{village.members[MEMBER]}/invitation"
    invitation = await secretary.ok("POST", path)
    assert invitation["member_name"] == "Quàng Văn Thịnh"
    assert await use(village, invitation["link"]) == 200
    assert await use(village, invitation["link"]) == 400
    browser, codes = await enrol_app(village, MEMBER)
    assert len(set(codes)) == 8
    assert (await browser.ok("GET", "/api/me"))["cell_id"] == village.cell_id
    # Who has a password needs two people to change it.
    assert (await secretary("POST", path)).json()["code"] == "has_password"


async def test_a_link_takes_any_good_password_and_stays_good_after_a_bad_one(
    village: Village,
) -> None:
    secretary = await village.signed_in(SECRETARY)
    path = f"/api/members/{village.members[MEMBER]}/invitation"
    token = token_of((await secretary.ok("POST", path))["link"])
    for password, expected in ((f"so {MEMBER}", 400), ("mười-cây-số-đường-đèo", 200)):
        body = {"token": token, "new_password": password}
        answer = await village.browser()("POST", "/api/one-time-link", body)
        assert answer.status_code == expected, answer.json()


async def test_a_recovery_code_works_once(village: Village) -> None:
    secretary = await village.signed_in(SECRETARY)
    path = f"/api/members/{village.members[MEMBER]}/invitation"
    await use(village, (await secretary.ok("POST", path))["link"])
    _, codes = await enrol_app(village, MEMBER)
    for expected in (200, 401):
        browser = village.browser()
        body = {"phone": MEMBER, "password": NEW}
        await browser.ok("POST", "/api/sign-in/password", body)
        typed = {"kind": "recovery", "code": codes[3].replace("-", " ").upper()}
        assert (await browser("POST", "/api/sign-in/factor", typed)).status_code == expected


async def test_a_stolen_password_cannot_enrol_another_app(village: Village) -> None:
    thief = village.browser()
    await thief.ok("POST", "/api/sign-in/password", {"phone": SECRETARY, "password": PASSWORD})
    assert (await thief("POST", "/api/sign-in/totp")).json()["code"] == "step_up_needed"
    code = {"kind": "totp", "code": "123456"}
    assert (await thief("POST", "/api/sign-in/totp/confirm", code)).status_code == 403


async def test_a_printed_card_is_read_in_order_and_says_which_number_is_next(
    village: Village,
) -> None:
    secretary = await village.signed_in(SECRETARY)
    card = await secretary.ok("POST", f"/api/members/{village.members[DEPUTY]}/card")
    assert (card["first_number"], len(card["codes"])) == (1, 30)

    async def give(code: str) -> tuple[int | None, int]:
        browser = village.browser()
        body = {"phone": DEPUTY, "password": PASSWORD}
        step = await browser.ok("POST", "/api/sign-in/password", body)
        number = next(f["next_number"] for f in step["factors"] if f["kind"] == "card")
        answer = await browser("POST", "/api/sign-in/factor", {"kind": "card", "code": code})
        return number, answer.status_code

    assert await give(card["codes"][0]) == (1, 200)
    assert await give(card["codes"][0]) == (2, 401)  # used
    assert await give(card["codes"][3]) == (2, 200)  # two were skipped
    assert await give(card["codes"][2]) == (5, 401)  # and may not be used any more
    assert await give(card["codes"][20]) == (5, 401)  # too far ahead
    notices = await (await village.signed_in(DEPUTY)).ok("GET", "/api/me/notices")
    assert "thẻ mã" in notices["notices"][0]["text"]


async def test_a_new_card_stops_the_old_one(village: Village) -> None:
    secretary = await village.signed_in(SECRETARY)
    path = f"/api/members/{village.members[DEPUTY]}/card"
    old, new = [await secretary.ok("POST", path) for _ in range(2)]
    for card, expected in ((old, 401), (new, 200)):
        browser = village.browser()
        await browser.ok("POST", "/api/sign-in/password", {"phone": DEPUTY, "password": PASSWORD})
        code = {"kind": "card", "code": card["codes"][0]}
        assert (await browser("POST", "/api/sign-in/factor", code)).status_code == expected


async def test_a_lost_phone_is_reset_by_two_people_and_told(village: Village) -> None:
    lost = await village.signed_in(DEPUTY)
    secretary = await village.signed_in(SECRETARY)
    path = f"/api/members/{village.members[DEPUTY]}/reset"
    reset = await secretary.ok("POST", path, {"reason": "Mất điện thoại ở chợ"})
    assert (reset["approved_by_secretary"], reset["link"]) == ("Lò Văn Chung", None)
    await lost.ok("GET", "/api/me")  # nothing has happened yet
    village.clock.forward(minutes=1)
    administrator = await village.signed_in(ADMINISTRATOR)
    listed = (await administrator.ok("GET", "/api/admin/resets"))["resets"]
    assert [(one["name"], one["reason"]) for one in listed] == [
        ("Hà Thị Mến", "Mất điện thoại ở chợ")
    ]
    approve = f"/api/admin/resets/{reset['id']}/approve"
    assert (await secretary("POST", approve)).status_code == 403
    done = await administrator.ok("POST", approve)
    assert done["approved_by_administrator"] == "Đinh Thị Vân"
    assert (await administrator("POST", approve)).status_code == 409
    assert (await lost("GET", "/api/me")).status_code == 401
    old = {"phone": DEPUTY, "password": PASSWORD}
    assert (await village.browser()("POST", "/api/sign-in/password", old)).status_code == 401
    assert await use(village, done["link"]) == 200
    found, _ = await enrol_app(village, DEPUTY)
    own = (await found.ok("GET", "/api/me/notices"))["notices"]
    assert "đã được đặt lại" in own[0]["text"]
    await found.ok("POST", "/api/me/notices/seen")
    assert (await found.ok("GET", "/api/me/notices"))["notices"] == []
    chair = (await secretary.ok("GET", "/api/me/notices"))["notices"]
    assert "Hà Thị Mến" in chair[0]["text"]


async def test_one_person_in_both_roles_cannot_reset_alone(village: Village) -> None:
    await village.person(SECRETARY, "Lò Văn Chung", "administrator")
    village.clock.forward(minutes=1)
    both = await village.signed_in(SECRETARY)
    path = f"/api/members/{village.members[DEPUTY]}/reset"
    reset = await both.ok("POST", path, {"reason": "Quên mật khẩu"})
    answer = await both("POST", f"/api/admin/resets/{reset['id']}/approve")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_person_needed")


async def test_the_first_administrator_comes_in_by_a_link_that_ends(village: Village) -> None:
    database, config, keys = (
        village.services.database,
        village.config,
        village.services.keys,
    )
    first = (config, keys, village.clock())
    assert await database.write(first_administrator_link, *first) is None
    await database.write(without_administrators)
    old = await database.write(first_administrator_link, *first)
    link = await database.write(first_administrator_link, *first)
    assert old is not None
    assert link is not None
    who = {"name": "Mùa A Phong", "phone": "0900 000 142"}
    assert await use(village, old, **who) == 400  # a later link replaces it
    assert await use(village, link) == 400  # without a name the link is not used up
    assert await use(village, link, **who) == 200
    assert await use(village, link, **who) == 400
    browser, _ = await enrol_app(village, "0900000142")
    roles = (await browser.ok("GET", "/api/me"))["roles"]
    assert [role["role"] for role in roles] == ["administrator"]


def without_administrators(conn: object) -> None:
    from server.store.tables import role

    conn.execute(role.delete())  # type: ignore[attr-defined]


async def test_a_link_is_worth_nothing_after_its_time(village: Village) -> None:
    secretary = await village.signed_in(SECRETARY)
    path = f"/api/members/{village.members[MEMBER]}/invitation"
    link = (await secretary.ok("POST", path))["link"]
    village.clock.forward(days=7, minutes=1)
    assert await use(village, link) == 400


async def test_weak_passwords_are_refused_and_the_link_stays_good(village: Village) -> None:
    secretary = await village.signed_in(SECRETARY)
    path = f"/api/members/{village.members[MEMBER]}/invitation"
    link = (await secretary.ok("POST", path))["link"]
    for weak in ("ngắn", "aaaaaaaaaaaa", "x" * 201):
        assert await use(village, link, new_password=weak) == 400
    assert await use(village, link) == 200


async def test_secrets_do_not_open_under_other_keys(village: Village) -> None:
    account_id = await village.person(MEMBER, "Quàng Văn Thịnh")
    rows = await village.services.database.read(factors.confirmed, account_id)
    assert village.secrets[MEMBER].encode() not in rows[0]["secret"]
