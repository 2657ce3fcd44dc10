"""The whole path as people walk it: three browsers, headless members, a recorder that dies."""

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import expect

from recording import synthetic
from server.demo_members import fresh_token
from server.headless import HeadlessMember
from signaling.client.member import SyntheticMember
from tests.e2e.drive import everyone, refused
from tests.e2e.screens import ARTEFACTS, DESKTOP, PHONE, Screen, chromium
from tests.e2e.stack import ROOT, Stack
from tests.recording.recorder_rig import beeps, duration, flashes

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

CHAIR, SEN, THINH = "Lò Văn Chung", "Lường Thị Sen", "Quàng Văn Thịnh"
SECRETARY, FLASHER = "Vi Thị Duyên", "Hà Thị Mến"
WITH_MEDIA = (FLASHER, SECRETARY, "Trần Thị Bích Ngọc", "Bạc Cầm Minh", "Cầm Bá Lợi")
WITHOUT_MEDIA = ("Tòng Thị Xuân", "Sùng A Tủa", "Nguyễn Hữu Phúc", "Lò Thị Hoan")
OFFICER = "Điêu Chính Quyết"
PLAYING = """() => [...document.querySelectorAll('video')].some(
  v => v.videoWidth > 0 && v.currentTime > 0 && !v.paused && v.checkVisibility({
    visibilityProperty: true }))"""


@dataclass(slots=True)
class Meeting:
    """Everybody of one session."""

    stack: Stack
    chair: Screen
    sen: Screen
    thinh: Screen
    quiet: dict[str, HeadlessMember] = field(default_factory=dict)

    @property
    def headless(self) -> list[HeadlessMember]:
        return list(self.quiet.values())

    @property
    def view(self) -> dict[str, Any]:
        return self.quiet[SECRETARY].view

    async def until(self, holds: Any, seconds: float = 40) -> None:
        await self.quiet[SECRETARY].until(holds, seconds)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, engine: dict[str, str]) -> Iterator[Stack]:
    assert (ROOT / "web/dist/index.html").exists(), "the web bundle is not built: make browser"
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    running = Stack(tmp_path_factory.mktemp("whole"), **engine)
    running.start()
    yield running
    shutil.copy(running.log, ARTEFACTS / "supervisor.log")
    running.stop()


async def test_one_lawful_session_from_sign_in_to_verified_report(
    stack: Stack, tmp_path: Path
) -> None:
    async with gathered(stack, tmp_path) as meeting:
        await opening(meeting)
        await roll_call(meeting)
        await items_until_the_first_vote(meeting)
        await vote_with_a_drop(meeting)
        await recorder_dies_and_returns(meeting)
        await to_the_close(meeting)
        await the_report_arrives(meeting)
        await the_officer_looks(meeting)
        session_id = meeting.quiet[SECRETARY].session_id
        secretary = await stack.account(CHAIR)
        export = (
            await secretary.http.get(f"/api/sessions/{session_id}/export?recording=1")
        ).content
        await secretary.close()
    assert not meeting.chair.troubles + meeting.sen.troubles + meeting.thinh.troubles
    recorded_files_are_true(stack, session_id)
    verify_names_each_forgery(export, tmp_path)


@asynccontextmanager
async def gathered(stack: Stack, folder: Path) -> AsyncIterator[Meeting]:
    async with AsyncExitStack() as leaving:
        browser = await leaving.enter_async_context(chromium())
        chair = await Screen.open(stack, browser, CHAIR, DESKTOP)
        sen = await Screen.open(stack, browser, SEN, PHONE)
        thinh = await Screen.open(stack, browser, THINH, PHONE)
        await sen.picture("01-sign-in-phone")
        meeting = Meeting(stack, chair, sen, thinh)
        for screen in (chair, sen, thinh):
            await screen.sign_in()
        await sen.picture("02-sessions-phone")
        await chair.picture("02-sessions-desktop")
        for name in (*WITH_MEDIA, *WITHOUT_MEDIA):
            account = await stack.account(name)
            leaving.push_async_callback(account.close)
            session = (await account.get("/api/sessions"))["sessions"][0]["id"]
            member = meeting.quiet[name] = HeadlessMember(account, session)
            leaving.push_async_callback(member.leave)
            await member.join()
        flash, beep, card = folder / "flash", folder / "beep", folder / "card"
        synthetic.flash_and_beep(flash, beep)
        synthetic.portrait(card, "Đảng viên", hue=120)
        for name in WITH_MEDIA:
            member, flashes = meeting.quiet[name], name == FLASHER
            url = (await member.account.post(f"{member.path}/media-token"))["url"]
            picture = SyntheticMember(
                url,
                fresh_token(member),
                video=flash if flashes else card,
                audio=beep,
                muted=not flashes,
            )
            member.camera, member.microphone = True, flashes
            leaving.push_async_callback(picture.stop)
            await picture.start()
        try:
            yield meeting
        except BaseException:
            for screen in (chair, sen, thinh):
                with suppress(PlaywrightError):  # a picture of the failure, not another failure
                    await screen.picture(f"failed-{screen.person.phone}")
            raise


async def opening(meeting: Meeting) -> None:
    anybody = meeting.quiet[SECRETARY]
    assert (await refused(anybody.command("open"))).code == "not_chair"
    assert (await refused(anybody.check_in())).status == 409
    for screen, name in ((meeting.sen, "sen"), (meeting.thinh, "thinh")):
        await screen.press("Vào họp")
        await screen.sees("Tôi đã sẵn sàng")
        await screen.picture(f"03-device-check-{name}-phone")
        await screen.press("Tôi đã sẵn sàng")
    await meeting.sen.sees("Chủ trì chưa khai mạc")
    await meeting.until(lambda view: sum(each["camera"] for each in view["people"]) == 7)
    await meeting.chair.enter_as_chair()
    await meeting.chair.sees("Chuẩn bị khai mạc")
    await meeting.chair.picture("04-before-opening-desktop")
    await meeting.chair.press_step()  # open: unlocked only once the recorder has confirmed
    await meeting.chair.press_step(person=SECRETARY)
    for screen in (meeting.chair, meeting.sen, meeting.thinh):
        await screen.sees_moving_pictures()
        await screen.hears()


async def roll_call(meeting: Meeting) -> None:
    assert (await refused(meeting.quiet[SECRETARY].command("approve-agenda"))).status in (403, 409)
    await meeting.chair.press_step()
    await meeting.sen.sees("Đang điểm danh")
    await meeting.sen.picture("05-roll-call-phone")
    await meeting.chair.picture("05-roll-call-desktop")
    for screen in (meeting.sen, meeting.thinh):
        await screen.press("Có mặt")
    await meeting.chair.press("Tôi có mặt")
    await everyone(meeting.headless, "check_in")
    await meeting.until(lambda view: view["quorum"]["present"] == 12)
    await meeting.chair.press_step()  # finish the roll call
    await meeting.chair.press_step()  # approve the agenda
    await meeting.chair.sees("12/20")


async def items_until_the_first_vote(meeting: Meeting) -> None:
    chair, stage = meeting.chair, meeting.quiet[SECRETARY]
    await chair.press_step()
    await meeting.sen.press("Phát biểu")
    await meeting.until(lambda view: len(view["queue"]) == 1)
    await chair.press("Mời phát biểu")
    await meeting.sen.sees("Mời đồng chí phát biểu")
    await chair.sees("Đang nói")
    await chair.picture("06-floor-desktop")
    await meeting.sen.picture("06-floor-phone")
    await chair.press("Kết thúc lượt")
    while not (stage.view["motion"] and stage.view["motion"]["state"] == "proposed"):
        seq = stage.view["head"]["seq"]
        await chair.press_step()
        await meeting.until(lambda view, seen=seq: view["head"]["seq"] > seen)


async def vote_with_a_drop(meeting: Meeting) -> None:
    """One headless member drops mid-vote, returns and votes once; browsers vote on their sheets."""
    chair, dropper = meeting.chair, meeting.quiet["Lò Thị Hoan"]
    await chair.press_step()
    await meeting.until(lambda view: view["motion"]["state"] == "open")
    await meeting.sen.sees("Biểu quyết công khai")
    await meeting.sen.picture("07-vote-sheet-phone")
    await dropper.leave()
    rest = [member for member in meeting.headless if member is not dropper]
    await everyone(rest, "cast_ballot")
    for screen, choice in ((meeting.sen, "Tán thành"), (meeting.thinh, "Không tán thành")):
        await screen.vote(choice)
    await meeting.sen.picture("08-receipt-phone")
    await meeting.sen.press("Về phòng họp")
    await meeting.thinh.press("Về phòng họp")
    await meeting.until(lambda view: len(view["motion"]["disconnected"]) == 1)
    await chair.picture("08-voting-desktop")
    await dropper.join()
    ballot = dropper.ballot("approve")
    first, again = await dropper.cast(ballot), await dropper.cast(ballot)
    assert first["subject"] == again["subject"], "the same ballot twice is one ballot"
    await meeting.until(lambda view: view["motion"]["cast"] == 11)
    await chair.press_step()  # close
    late = dropper.ballot("disapprove")
    assert (await refused(dropper.cast(late))).code == "ballot_motion_closed"
    await chair.sees("Đọc từng tên")
    await chair.picture("09-before-announcement-desktop")
    await chair.press_step()  # announce
    await meeting.until(lambda view: view["motion"]["state"] == "announced")
    motion = meeting.view["motion"]
    counts = [motion[key] for key in ("approve", "disapprove", "abstain", "not_voted")]
    assert counts == [10, 1, 0, 9]
    assert motion["arithmetic"].startswith("10/20, cần 11")
    assert motion["passed"] is False


async def recorder_dies_and_returns(meeting: Meeting) -> None:
    meeting.stack.kill("recorder")
    await meeting.until(lambda view: view["recorder"]["state"] == "stopped")
    await meeting.chair.sees("Máy ghi đã dừng")
    await meeting.chair.picture("10-recorder-stopped-desktop")
    await meeting.until(lambda view: view["recorder"]["state"] == "recording")
    await meeting.until(lambda view: bool(view["recorder"]["gaps"]))


async def to_the_close(meeting: Meeting) -> None:
    chair, stage = meeting.chair, meeting.quiet[SECRETARY]
    while stage.view["stage"] != "closed":
        motion = stage.view["motion"]
        if motion and motion["state"] == "open":
            await everyone(meeting.headless, "cast_ballot")
            for screen in (meeting.sen, meeting.thinh):
                await screen.vote("Tán thành")
                await screen.press("Về phòng họp")
            await meeting.until(lambda view: view["motion"]["cast"] == 11)
        seq = stage.view["head"]["seq"]
        label = await chair.press_step()
        if "biên bản" in label.lower():
            await chair.picture("11-minutes-desktop")
        await meeting.until(lambda view, seen=seq: view["head"]["seq"] > seen)
    passed = [motion["passed"] for motion in stage.view["motions"]]
    assert passed == [False, True]
    await meeting.sen.sees("Phiên họp đã bế mạc")
    await meeting.sen.picture("12-closed-phone")


async def the_report_arrives(meeting: Meeting) -> None:
    await meeting.until(lambda view: view["delivery"]["state"] == "acknowledged")
    await meeting.chair.press("Xem văn bản và biên nhận")
    await meeting.chair.sees("BN 0001")
    await meeting.chair.sees("ĐẢNG CỘNG SẢN VIỆT NAM")
    await meeting.chair.picture("13-after-close-desktop")


async def the_officer_looks(meeting: Meeting) -> None:
    officer = await Screen.open(meeting.stack, meeting.chair.context.browser, OFFICER, DESKTOP)
    await officer.sign_in()
    await officer.sees(re.compile("[Bb]ản Nà Lúa"))
    await officer.picture("14-board-desktop")
    await officer.press("Mở hồ sơ")
    await officer.sees("BN 0001")
    await officer.sees("Toàn vẹn")
    await officer.picture("15-dossier-desktop")
    await expect(officer.page.get_by_text("Không toàn vẹn")).to_have_count(0)
    await officer.press("Mở bản ghi")
    if await officer.page.get_by_label("Mã 6 số").count():
        await officer.page.get_by_label("Mã 6 số").fill(meeting.stack.code(OFFICER))
        await officer.press("Xác thực")
    await officer.press("Nghe")  # the players jump to the first vote
    await officer.page.wait_for_function(PLAYING, timeout=30_000)
    await officer.picture("16-dossier-player-desktop")
    assert not officer.troubles


def recorded_files_are_true(stack: Stack, session_id: str) -> None:
    """ffprobe reads every segment; the flasher's flash and beep begin together."""
    folder = stack.data / "cell" / "recordings" / session_id
    manifest = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    segments = [line for line in manifest if line["type"] == "segment"]
    assert segments, "nothing was recorded"
    onsets: dict[str, list[float]] = {"video": [], "audio": []}
    flasher = next(line["participant"] for line in segments if line["kind"] == "audio")
    for line in segments:
        path = folder / line["file"]
        assert abs(duration(path) - line["duration_ms"] / 1000) < 1, line["file"]
        if line["participant"].startswith(flasher[:3]) and line["duration_ms"] > 5000:
            find = flashes if line["kind"] == "video" else beeps
            onsets[line["kind"]] += [line["start_utc_ms"] / 1000 + at for at in find(path)]
    apart = [min(abs(flash - beep) for beep in onsets["audio"]) for flash in onsets["video"]]
    together = [seconds for seconds in apart if seconds < 0.5]  # the rest fell into the gap
    assert len(together) >= 2
    assert max(together) < 0.08, apart


def verify_names_each_forgery(export: bytes, folder: Path) -> None:
    honest = folder / "export.zip"
    honest.write_bytes(export)
    clean = verify(honest)
    assert clean.returncode == 0, clean.stdout
    with zipfile.ZipFile(io.BytesIO(export)) as archive:
        names = archive.namelist()
    a_segment = next(n for n in names if n.startswith("recording/") and n.endswith(".webm"))
    named = {"log.jsonl": r"dòng \d+", a_segment: Path(a_segment).name, "report.zip": "áo cáo"}
    for forged, pattern in named.items():
        path = folder / "forged.zip"
        with_one_byte_changed(export, forged, path)
        verdict = verify(path)
        assert verdict.returncode == 1, f"{forged} was changed and verify said nothing"
        assert re.search(pattern, verdict.stdout), verdict.stdout


def with_one_byte_changed(export: bytes, name: str, path: Path) -> None:
    with (
        zipfile.ZipFile(io.BytesIO(export)) as source,
        zipfile.ZipFile(path, "w") as target,
    ):
        for each in source.infolist():
            data = bytearray(source.read(each))
            if each.filename == name:
                data[len(data) // 2] ^= 1
            target.writestr(each, bytes(data))


def verify(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server.cli", "verify", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
