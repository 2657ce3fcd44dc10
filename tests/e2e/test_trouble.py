"""One hybrid session in which much goes otherwise, all of it by what people press and see.

The meeting room's own device, a check-in by its code, a member with a keyboard only, another on a
line of 64 kbit/s, a late comer who is removed, a vote objected to, voided and repeated, a history
that changes under somebody's eyes, a chair who goes away, and an adjournment.
"""

import asyncio
import io
import json
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
import segno
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import WebSocketRoute, expect

from tests.e2e.drive import everyone, refused
from tests.e2e.keys import Keys
from tests.e2e.meeting import (
    CHAIR,
    DEPUTY,
    LOI,
    PAO,
    SECRETARY,
    SEN,
    THINH,
    XUAN,
    Meeting,
    act_on,
    gathered,
    other_act,
)
from tests.e2e.screens import ARTEFACTS, DESKTOP, PATIENCE, PHONE, Screen
from tests.e2e.stack import ROOT, Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

NARROW = {"offline": False, "latency": 1000, "downloadThroughput": 8000, "uploadThroughput": 8000}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    assert (ROOT / "web/dist/index.html").exists(), "the web bundle is not built: make browser"
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    running = Stack(tmp_path_factory.mktemp("trouble"))
    running.start()
    yield running
    shutil.copy(running.log, ARTEFACTS / "supervisor-trouble.log")
    running.stop()


async def test_a_session_full_of_trouble(stack: Stack) -> None:
    async with gathered(stack) as meeting:
        await the_room_is_paired(meeting)
        await a_keyboard_is_enough_to_come(meeting)
        await opening(meeting)
        await roll_call(meeting)
        await chat_while_the_chair_allows_it(meeting)
        await mute_and_share(meeting)
        await late_away_and_removed(meeting)
        await vote_objected_and_repeated(meeting)
        await recess(meeting)
        await history_changes(meeting)
        await the_chair_goes_round(meeting)
        await the_chair_is_gone(meeting)
        await adjourned(meeting)
        the_log_tells_it(await log_of(meeting))
    for screen in meeting.screens:
        print(*screen.complaints, sep="\n")
        assert not screen.troubles


async def the_room_is_paired(meeting: Meeting) -> None:
    """The chair reads out a code; whoever sits at the room's device types it, and is nobody."""
    chair = meeting[CHAIR]
    await chair.enter_as_chair()
    await chair.press("Lấy mã cho máy chung")
    code = await chair.page.locator("p.code").inner_text()
    await chair.look("70-before-opening")
    hall = meeting.hall = await Screen.open(meeting.stack, meeting.browser, SEN, DESKTOP)
    meeting.screens.append(hall)
    hall.page.on("response", lambda response: remember(meeting, response))
    await hall.page.goto(meeting.stack.url.replace("127.0.0.1", "localhost") + "/phong-hop")
    await hall.page.get_by_label("Mã ghép máy").fill("1234")
    await hall.press("Ghép máy này")
    await hall.sees("Đồng chí gõ đủ tám chữ số.")
    await hall.page.get_by_label("Mã ghép máy").fill(code)
    await hall.press("Ghép máy này")
    await hall.sees("Mã điểm danh hiện ở đây khi chủ trì bắt đầu điểm danh")


def remember(meeting: Meeting, response: Any) -> None:
    async def read() -> None:
        with suppress(PlaywrightError):
            meeting.told = await response.json()

    if "/api/room-device" in response.url and response.ok:
        asyncio.get_running_loop().create_task(read())


async def a_keyboard_is_enough_to_come(meeting: Meeting) -> None:
    """The deputy signs in, checks her device and enters with Tab, Enter and Space alone."""
    deputy = await meeting.sit(DEPUTY, DESKTOP)
    keys = Keys(deputy.page)
    await deputy.sees("Số điện thoại")
    await keys.fill("Số điện thoại", deputy.person.phone)
    await keys.fill("Mật khẩu", deputy.person.password)
    await deputy.page.keyboard.press("Enter")
    await deputy.page.get_by_label("Mã 6 số").wait_for()
    await keys.fill("Mã 6 số", meeting.stack.code(DEPUTY))
    await deputy.page.keyboard.press("Enter")
    await deputy.sees("Phiên họp của tôi")
    await keys.press("Vào họp")
    await deputy.sees("Tôi đã sẵn sàng")
    await deputy.look("71-device-check")
    await keys.press("Tôi đã sẵn sàng", "Space")
    await deputy.sees("Chủ trì chưa khai mạc")
    await deputy.look("72-waiting")


async def opening(meeting: Meeting) -> None:
    chair, secretary = meeting[CHAIR], meeting[SECRETARY]
    await secretary.press("Vào họp")
    await secretary.press(re.compile("^Chỉ nghe"))
    await meeting[LOI].press("Vào họp")
    await meeting.until(lambda view: view["recorder"]["state"] == "recording")
    await chair.press_step()
    await chair.press_step(person=SECRETARY)
    # She was named in the room, and finds her own page from there.
    await secretary.sees("Đồng chí được cử làm thư ký phiên họp.")
    await secretary.press("Ghi biên bản")
    await secretary.sees("Biên bản đang soạn")


async def roll_call(meeting: Meeting) -> None:
    chair, secretary, hall = meeting[CHAIR], meeting[SECRETARY], meeting.hall
    assert hall is not None
    await a_narrow_line(meeting[LOI])
    await chair.press_step()
    await hall.sees("quét mã này")
    await hall.look("73-hall")
    await scanned(meeting)
    await Keys(meeting[DEPUTY].page).press("Có mặt", "Space")
    await meeting.until_person(DEPUTY, checked_in=True, place="remote")
    await expect(meeting[DEPUTY].page.get_by_role("status").first).not_to_be_empty()
    await secretary.look("74-secretary-roll")
    row = secretary.page.get_by_role("main").get_by_role("listitem").filter(has_text=XUAN).first
    await row.get_by_role("button", name="Có mặt tại phòng").click()
    await meeting.until_person(XUAN, attendance="present", place="in_room", connected=False)
    row = secretary.page.get_by_role("main").get_by_role("listitem").filter(has_text=PAO).first
    await row.get_by_role("button", name=PAO).click()
    await row.get_by_role("button", name="Vắng có lý do").click()
    await secretary.page.get_by_label("Lý do vắng").fill("Trực biên giới")
    await secretary.look("75-absence")
    await secretary.page.get_by_role("dialog").get_by_role("button").last.click()
    await meeting.until_person(PAO, attendance="absent_reason", reason="Trực biên giới")
    await chair.press("Tôi có mặt")
    await secretary.step().click()
    await everyone(list(meeting.quiet.values()), "check_in")
    began = time.monotonic()
    await meeting[LOI].press("Có mặt")
    await meeting[LOI].sees("Đã ghi nhận: đồng chí có mặt", 60)
    print(f"roll call at 64 kbit/s, 1 s: {time.monotonic() - began:.1f} s")
    await meeting.until(lambda view: view["quorum"]["present"] == 11)
    await chair.look("76-roll-call")
    await chair.press_step()
    await chair.press_step()
    await chair.press_step()  # the first item


async def a_narrow_line(screen: Screen) -> None:
    """From the device check on: 64 kbit/s both ways, one second for the round trip."""
    await screen.press(re.compile("^Chỉ nghe"))
    line = await screen.context.new_cdp_session(screen.page)
    await line.send("Network.enable")
    await line.send("Network.emulateNetworkConditions", NARROW)


async def scanned(meeting: Meeting) -> None:
    """Sen scans the code on the room's screen: one tap later she is present there."""
    sen = meeting[SEN]
    address = f"{meeting.stack.url.replace('127.0.0.1', 'localhost')}/phien/"
    address += f"{meeting.watcher.session_id}/phong?ma={meeting.told['code']}"
    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", border=2, xmldecl=False, svgns=True)
    assert meeting.told["qr_svg"] == drawn.getvalue().decode(), "the picture leads elsewhere"
    await sen.page.route_web_socket(re.compile("/live"), lambda route: between(meeting, route))
    await sen.page.goto(address.replace("//localhost", "//sen.localhost"))
    button = sen.page.get_by_role("dialog").get_by_role("button", name="Có mặt tại phòng họp")
    await button.wait_for()
    await sen.look("77-scanned")
    await button.click()
    await meeting.until_person(SEN, checked_in=True, place="in_room")
    await sen.sees("Đồng chí đang ở phòng họp")
    await sen.look("78-in-the-room")


def between(meeting: Meeting, route: WebSocketRoute) -> None:
    """Passes everything on; once lying, the lines of the log are no longer what they were."""
    server = route.connect_to_server()

    def from_server(text: str | bytes) -> None:
        said = json.loads(text)
        if meeting.lying and said.get("headers"):
            for header in said["headers"]:
                header["payload_hash"] = "0" * 64
            text = json.dumps(said)
        route.send(text)

    server.on_message(from_server)
    route.on_message(lambda text: server.send(text))


async def chat_while_the_chair_allows_it(meeting: Meeting) -> None:
    chair, deputy = meeting[CHAIR], meeting[DEPUTY]
    assert (await refused(meeting.watcher.command("say", text="chưa được phép"))).status == 409
    await chair.press("Việc khác")
    await chair.look("80-other-acts")
    await chair.page.get_by_role("dialog").get_by_text("Cho phép trao đổi bằng chữ").click()
    await deputy.press(re.compile("^Trao đổi"))
    await deputy.page.get_by_label("Viết cho cả phòng họp").fill("Tôi nghe rõ")
    await deputy.press("Gửi")
    await meeting.until(lambda view: [each["text"] for each in view["chat"]] == ["Tôi nghe rõ"])
    await deputy.look("81-chat")
    await deputy.press("Đóng")
    await chair.sees("Tôi nghe rõ")


async def mute_and_share(meeting: Meeting) -> None:
    chair, deputy, hall = meeting[CHAIR], meeting[DEPUTY], meeting.hall
    assert hall is not None
    await deputy.press("Phát biểu")
    await chair.press("Mời phát biểu")
    await deputy.press("Bật tiếng để nói")
    await meeting.until_person(DEPUTY, microphone=True)
    await deputy.look("82-floor")
    await act_on(chair, DEPUTY, "Tắt tiếng")
    await meeting.until_person(DEPUTY, microphone=False)
    await expect(deputy.button(re.compile("^Tiếng"))).to_contain_text("đang tắt")
    await deputy.press("Bật tiếng để nói")
    await meeting.until_person(DEPUTY, microphone=True)
    await chair.press(re.compile("^Trình chiếu"))
    await deputy.sees("Màn hình của")
    await hall.page.wait_for_function(
        "() => document.querySelector('.far video')?.videoWidth > 0", timeout=PATIENCE
    )
    await deputy.look("82-shared-screen")
    await deputy.press("Tôi nói xong")
    await meeting.until(lambda view: view["floor"] is None)
    await chair.press(re.compile("^Trình chiếu"))
    await expect(deputy.page.get_by_text("Màn hình của")).to_have_count(0, timeout=PATIENCE)


async def late_away_and_removed(meeting: Meeting) -> None:
    """Comes late, leaves early, comes back, is asked to go, and stays out."""
    chair, thinh = meeting[CHAIR], await meeting.sit(THINH, PHONE)
    await thinh.sign_in()
    await thinh.enter_as_member()
    await thinh.press("Có mặt")
    await meeting.until_person(THINH, attendance="present")
    await thinh.press("Rời họp")
    await thinh.look("83-leaving")
    await thinh.page.get_by_role("dialog").get_by_role("button", name="Rời họp").click()
    await meeting.until_person(THINH, attendance="left")
    await thinh.press("Vào họp")
    await thinh.press("Tôi đã sẵn sàng")
    await thinh.press("Có mặt")
    await meeting.until_person(THINH, attendance="present")
    await act_on(chair, THINH, "Mời ra khỏi phòng")
    await chair.page.get_by_label("Lý do").fill("Để người ngoài nghe phiên họp")
    await chair.look("84-removing")
    await chair.page.get_by_role("dialog").get_by_role("button").last.click()
    await thinh.sees("Đồng chí không còn trong phiên họp này")
    await thinh.look("85-removed")
    await thinh.page.reload()
    await thinh.sees("Đồng chí không còn trong phiên họp này")
    await expect(thinh.button("Có mặt")).to_have_count(0)
    await meeting.until_person(THINH, attendance="removed", connected=False)
    await thinh.context.close()


async def vote_objected_and_repeated(meeting: Meeting) -> None:
    chair, secretary, sen = meeting[CHAIR], meeting[SECRETARY], meeting[SEN]
    await other_act(chair, "Nêu nội dung biểu quyết")
    await chair.page.get_by_label("Nội dung đưa ra biểu quyết").fill("Góp công làm đường ống nước.")
    await chair.look("90-motion")
    await chair.page.get_by_role("dialog").get_by_role("button").last.click()
    await chair.sees("Mở biểu quyết")
    await chair.press_step()
    await meeting.until(lambda view: view["motion"]["state"] == "open")
    await sen.sees("Biểu quyết công khai")
    await sen.look("91-vote-sheet")
    await everybody_votes(meeting)
    await act_on(secretary, XUAN, "Ghi tay giơ tại phòng")
    await secretary.page.get_by_role("dialog").get_by_label("Ý kiến").select_option("approve")
    await secretary.look("92-hand")
    await secretary.page.get_by_role("dialog").get_by_role("button").last.click()
    await meeting.until(lambda view: view["motion"]["cast"] == 11)
    await chair.look("93-voting")
    await chair.press_step()
    await sen.press("Về phòng họp")
    await sen.press("Xem phiếu theo tên")
    await sen.press("Tôi có ý kiến khác")
    await sen.page.get_by_label("Điều đồng chí thấy chưa đúng").fill("Tên tôi ghi chưa đúng")
    await sen.press("Gửi ý kiến")
    await sen.sees("Đã ghi nhận ý kiến của đồng chí.")
    await sen.look("94-objection")
    await sen.press("Đóng")
    await chair.sees("Tên tôi ghi chưa đúng")
    await chair.look("95-objected")
    await chair.step_bar().get_by_role("button", name="Hủy lần biểu quyết").click()
    await chair.page.get_by_label("Lý do").fill("Có đồng chí phản đối cách ghi")
    await chair.page.get_by_role("dialog").get_by_role("button").last.click()
    await meeting.until(lambda view: view["motion"]["state"] == "void")
    await chair.press_step()
    await meeting.until(lambda view: view["motion"]["attempt"] == 2)
    await everybody_votes(meeting)
    await chair.press_step()
    await chair.press_step()
    await meeting.until(lambda view: view["motion"]["state"] == "announced")
    assert meeting.view["motion"]["cast"] == 10  # the raised hand was of the first vote
    assert not meeting.view["motion"]["passed"]  # 10 of 20 are not more than half
    await sen.press("Về phòng họp")
    await sen.sees(re.compile("^Kết quả: 10/20"))
    await sen.look("96-result")


async def everybody_votes(meeting: Meeting) -> None:
    """All vote but those without a device: with a keyboard, on a narrow line, on the console."""
    chair, secretary, deputy = meeting[CHAIR], meeting[SECRETARY], meeting[DEPUTY]
    await everyone(list(meeting.quiet.values()), "cast_ballot")
    keys = Keys(deputy.page)
    await deputy.page.get_by_role("radio", name="Tán thành", exact=True).wait_for()
    await keys.press("Tán thành", "Space")
    await keys.press("Gửi: Tán thành")
    await deputy.sees("Đã ghi nhận")
    await keys.press("Về phòng họp")
    await meeting[SEN].vote("Tán thành")
    began = time.monotonic()
    await meeting[LOI].vote("Tán thành")
    print(f"vote at 64 kbit/s, 1 s: {time.monotonic() - began:.1f} s")
    await meeting[LOI].press("Về phòng họp")
    for leader in (chair, secretary):
        if leader is chair:
            await leader.press("Bỏ phiếu")
        else:
            await leader.step_bar().get_by_role("button", name="Bỏ phiếu").click()
        await leader.vote("Tán thành")
        await leader.press("Về phòng họp")
    await meeting.until(lambda view: view["motion"]["cast"] == 10)


async def recess(meeting: Meeting) -> None:
    chair, deputy = meeting[CHAIR], meeting[DEPUTY]
    await other_act(chair, "Tạm nghỉ")
    await deputy.sees("Đang nghỉ giải lao")
    await deputy.look("97-recess")
    assert (await refused(meeting.watcher.command("ask-floor"))).code == "in_recess"
    await chair.press_step()
    await expect(deputy.page.get_by_text("Đang nghỉ giải lao")).to_have_count(0)


async def history_changes(meeting: Meeting) -> None:
    """Sen's phone says so at once, in words, while the others see nothing wrong."""
    meeting.lying = True
    await meeting.watcher.command("ask-floor")
    await meeting[SEN].sees("Lịch sử phiên họp đã thay đổi")
    await meeting[SEN].look("98-history-changed")
    await expect(meeting[DEPUTY].page.get_by_text("Lịch sử phiên họp đã thay đổi")).to_have_count(0)


async def the_chair_goes_round(meeting: Meeting) -> None:
    """Handed to the deputy, who finds the console from the room, and hands it back."""
    chair, deputy = meeting[CHAIR], meeting[DEPUTY]
    await act_on(chair, DEPUTY, "Giao quyền chủ trì")
    await deputy.sees("Đồng chí đang chủ trì phiên họp này.")
    await deputy.press("Mở bàn chủ trì")
    await act_on(deputy, CHAIR, "Giao quyền chủ trì")
    await meeting.until(lambda view: view["chair"] == meeting.person(CHAIR)["id"])
    await deputy.page.go_back()


async def the_chair_is_gone(meeting: Meeting) -> None:
    """The chair's machine dies. After a minute, not before, the deputy may take the chair."""
    deputy, secretary = meeting[DEPUTY], meeting[SECRETARY]
    gone = time.monotonic()
    await meeting.at.pop(CHAIR).context.close()
    await deputy.sees("Chủ trì mất kết nối từ")
    await expect(deputy.button("Nhận chủ trì")).to_have_count(0)
    await while_waiting(meeting)
    await secretary.sees("Phó Bí thư được nhận chủ trì")
    await deputy.button("Nhận chủ trì").wait_for(timeout=90_000)
    assert time.monotonic() - gone >= 59
    await deputy.look("99-take-the-chair")
    await deputy.press("Nhận chủ trì")
    await deputy.sees("Đồng chí đang chủ trì phiên họp này.")


async def while_waiting(meeting: Meeting) -> None:
    """What else there is to see: the roster, documents, a note by the secretary."""
    deputy, secretary = meeting[DEPUTY], meeting[SECRETARY]
    await deputy.press(re.compile("^Mọi người"))
    await deputy.sees("Vắng")
    await deputy.look("86-people")
    await deputy.press("Đóng")
    await deputy.press(re.compile("^Tài liệu"))
    await deputy.press(re.compile("Dự thảo nghị quyết"))
    await deputy.sees("Trang 1/1")
    await deputy.look("87-document")
    await deputy.press("Đóng")
    await secretary.page.get_by_role("button", name="Ghi cho mục này").first.click()
    await secretary.page.get_by_label("Ghi cho mục này").fill("Bàn việc góp công.")
    await secretary.press("Lưu vào sổ")
    await secretary.sees("Bàn việc góp công.")
    await secretary.look("88-minutes")


async def adjourned(meeting: Meeting) -> None:
    deputy = meeting[DEPUTY]
    await deputy.press("Mở bàn chủ trì")
    await other_act(deputy, "Hoãn sang ngày khác")
    await deputy.page.get_by_label("Lý do").fill("Mất điện toàn xã")
    soon = datetime.now() + timedelta(days=2)
    await deputy.page.get_by_label("Họp lại lúc").fill(f"{soon:%Y-%m-%dT%H:%M}")
    await deputy.look("100-adjourning")
    await deputy.page.get_by_role("dialog").get_by_role("button").last.click()
    await meeting.until(lambda view: view["stage"] == "adjourned")
    await deputy.sees("Phiên họp đã hoãn")
    await deputy.look("101-adjourned-console")
    await meeting[LOI].sees("Phiên họp đã hoãn", 60)
    await meeting[LOI].look("102-adjourned")


async def log_of(meeting: Meeting) -> list[dict[str, Any]]:
    account = await meeting.stack.account(CHAIR)
    path = f"/api/sessions/{meeting.watcher.session_id}/export"
    answered = await account.http.get(path)
    await account.close()
    with zipfile.ZipFile(io.BytesIO(answered.content)) as archive:
        return [json.loads(line) for line in archive.read("log.jsonl").splitlines()]


def the_log_tells_it(log: list[dict[str, Any]]) -> None:
    types = [line["type"] for line in log]
    order = ["opened", "secretary-named", "roll-call-started", "chat-allowed", "muted", "left"]
    order += ["removed", "motion-proposed", "hand-entered", "objection-raised", "vote-voided"]
    order += ["vote-announced", "recess-begun", "resumed", "chair-handed", "chair-taken"]
    places = [types.index(each) for each in [*order, "adjourned"]]
    assert places == sorted(places), types
    checked_in = [json.loads(line["body"])["data"] for line in log if line["type"] == "checked-in"]
    ways = sorted(each["how"] for each in checked_in if each["place"] == "in_room")
    assert ways == ["code", "secretary"]
