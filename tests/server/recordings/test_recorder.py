import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import jwt
import pytest
from starlette.requests import Request

from recording.signing import Signer
from recording.status import GapStatus, RecorderStatus, TrackStatus
from server.http.call import Call
from server.http.errors import Conflict, Forbidden
from server.routes import ROUTES
from server.session import events as e
from server.store import events, recordings, sessions, tables
from tests.server.conftest import NOW, Desk
from tests.server.session.meeting import Meeting, convened

SESSION = "s1"
CHECKPOINTS, FINISHED = "/api/recorder/checkpoints", "/api/recorder/finished"


class Recorder:
    """The recorder's side of the conversation, with its real signature."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.signer = Signer.load(desk.services.config.recorder_spki_file.with_suffix(".pem"))

    async def post(self, path: str, facts: dict[str, Any], **headers: str) -> Any:
        """`headers` replace what the recorder itself would send."""
        body = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
        sent = {**self.signer.headers(body), **headers}
        route = next(r for r in ROUTES if (r.method, r.path) == ("POST", path))
        assert route.body is not None

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        named = [(name.lower().encode(), value.encode()) for name, value in sent.items()]
        request = Request({"type": "http", "method": "POST", "headers": named}, receive)
        said = route.body.model_validate_json(body)
        desk = self.desk
        return await route.handler(
            Call(desk.services, route, desk.principal, {}, said, desk.now, request)
        )

    async def checkpoint(self, *, session: str = SESSION, nonce: str = "", **more: Any) -> Any:
        facts = {**status(self.desk, session).payload(nonce), **more}
        return await self.post(CHECKPOINTS, facts)


def status(desk: Desk, session: str = SESSION) -> RecorderStatus:
    now_ms = round(desk.now.timestamp() * 1000)
    track = TrackStatus("TR_1", "p01.0a", "microphone", "audio", now_ms, 100, True, False)
    gap = GapStatus(1, "", "", now_ms - 9000, now_ms - 8000, "disconnected")
    return RecorderStatus(
        session, 7, "ab" * 32, (track,), (gap,), 3, 3000, 10**11, "recording", "", now_ms
    )


@pytest.fixture
async def running(desk: Desk) -> Meeting:
    """A session at its first item, its log in the desk's database."""
    running = Meeting(convened())
    running.gather().open().roll_call().to_items()
    desk.now = running.now

    def keep(conn: Any) -> None:
        cell = {"id": "cell1", "name": "Chi bộ bản Thử", "created_at": NOW}
        conn.execute(tables.cell.insert().values(**cell))
        common = {"cell_id": "cell1", "starts_at": NOW, "created_at": NOW, "mode": "hybrid"}
        for name in (SESSION, "draft"):
            conn.execute(tables.session.insert().values(id=name, stage="draft", **common))
        stage = running.state.stage.value
        events.append(conn, SESSION, running.entries, stage, running.now, None)

    await desk.services.database.write(keep)
    return running


@pytest.fixture
def recorder(desk: Desk, running: Meeting) -> Recorder:
    return Recorder(desk)


async def kinds(desk: Desk) -> list[str]:
    lines = await desk.services.database.read(events.entries_after, SESSION, 0)
    return [line.type for line in lines]


async def test_each_session_that_goes_on_is_a_job_with_a_hidden_token(
    desk: Desk, running: Meeting
) -> None:
    [job] = (await desk("GET", "/api/recorder/jobs")).jobs
    assert (job.session_id, job.room) == (SESSION, SESSION)
    assert job.livekit_url.startswith("ws://")
    assert job.started_at == running.state.waiting_at
    claims = jwt.decode(job.token, options={"verify_signature": False})
    grants = claims["video"]
    assert (grants["hidden"], grants["recorder"], grants["canPublish"]) == (True, True, False)
    assert claims["exp"] - claims["nbf"] <= 60


async def test_the_nonce_changes_when_a_vote_opens_and_closes(desk: Desk, running: Meeting) -> None:
    async def nonce() -> str:
        known = len(await kinds(desk))
        news, stage = running.entries[known:], running.state.stage.value
        if news:
            write = desk.services.database.write
            await write(events.append, SESSION, news, stage, running.now, None)
        [job] = (await desk("GET", "/api/recorder/jobs")).jobs
        return str(job.checkpoint_nonce)

    nonces = [await nonce()]
    for act in (running.to_vote, running.open_vote):
        act()
        nonces.append(await nonce())
    running.give("p01", "close-vote", motion="m1", despite_disconnected=True)
    nonces.append(await nonce())
    assert nonces[0] == nonces[1]
    assert len(set(nonces[1:])) == 3


async def test_a_session_that_ended_is_no_job(desk: Desk, running: Meeting) -> None:
    known = len(running.entries)
    running.give("p01", "abandon", reason="Không còn ai")
    await desk.services.database.write(
        events.append, SESSION, running.entries[known:], "abandoned", NOW, None
    )
    assert (await desk("GET", "/api/recorder/jobs")).jobs == []


async def test_a_signed_statement_is_kept_as_posted_and_enters_the_log(
    desk: Desk, recorder: Recorder
) -> None:
    before = await kinds(desk)
    await recorder.checkpoint()
    news = (await kinds(desk))[len(before) :]
    assert (news[0], news[-1]) == ("recording-gap", "checkpointed")
    [kept] = await desk.services.database.read(sessions.checkpoints, SESSION)
    assert json.loads(kept["body"])["gaps"][0] == asdict(status(desk).gaps[0])
    assert kept["key_id"] == recorder.signer.key_id
    begun = await desk.services.database.read(recordings.by_session, SESSION)
    assert begun is not None
    assert (begun["started_at"], begun["finished_at"]) == (desk.now, None)


@pytest.mark.parametrize("path", [CHECKPOINTS, FINISHED])
async def test_only_the_enrolled_key_over_exactly_the_bytes_counts(
    desk: Desk, recorder: Recorder, path: str
) -> None:
    facts = status(desk).payload("") if path == CHECKPOINTS else end()
    own = recorder.signer.headers(json.dumps(facts, separators=(",", ":")).encode())
    other = recorder.signer.headers(b"{}")
    for headers, code in (
        ({"X-Signature": other["X-Signature"]}, "recorder_signature"),
        ({"X-Signature": ""}, "recorder_signature"),
        ({"X-Key-Id": "0" * 16}, "recorder_key_unknown"),
    ):
        with pytest.raises(Forbidden) as refusal:
            await recorder.post(path, facts, **{**own, **headers})
        assert refusal.value.code == code
    stranger = Recorder(desk)
    stranger.signer = Signer.load(desk.services.config.keys_dir / "stranger.pem")
    with pytest.raises(Forbidden):
        await stranger.post(path, facts)
    assert await desk.services.database.read(sessions.checkpoints, SESSION) == []


async def test_nothing_is_believed_before_a_recorder_is_enrolled(
    desk: Desk, recorder: Recorder
) -> None:
    desk.services.config.recorder_spki_file.unlink()
    with pytest.raises(Forbidden):
        await recorder.checkpoint()
    desk.services.config.recorder_spki_file.write_text("not a key")
    with pytest.raises(Forbidden):
        await recorder.checkpoint()


async def test_a_replayed_statement_does_not_vouch_for_now(desk: Desk, recorder: Recorder) -> None:
    old = status(desk).payload("")
    await recorder.post(CHECKPOINTS, old)
    await recorder.post(CHECKPOINTS, old)  # its answer was lost on the way: no harm, no news
    desk.now += timedelta(seconds=5)
    await recorder.checkpoint()
    with pytest.raises(Conflict) as refusal:
        await recorder.post(CHECKPOINTS, old)
    assert refusal.value.code == "statement_old"
    assert len(await desk.services.database.read(sessions.checkpoints, SESSION)) == 2


@pytest.mark.parametrize("seconds", [-90, 90])
async def test_a_recorder_with_a_wrong_clock_is_told_so(
    desk: Desk, recorder: Recorder, seconds: int
) -> None:
    time_ms = round((desk.now + timedelta(seconds=seconds)).timestamp() * 1000)
    with pytest.raises(Conflict) as refusal:
        await recorder.checkpoint(time_ms=time_ms)
    assert "90 giây" in refusal.value.message


@pytest.mark.parametrize("session", ["draft", "nothing"])
async def test_statements_on_what_has_no_log_are_refused(
    desk: Desk, recorder: Recorder, session: str
) -> None:
    with pytest.raises(Conflict):
        await recorder.checkpoint(session=session)
    with pytest.raises(Conflict):
        await recorder.post(FINISHED, end() | {"session_id": session})
    assert await desk.services.database.read(sessions.checkpoints, session) == []


async def test_the_end_is_logged_once_however_often_it_is_told(
    desk: Desk, running: Meeting, recorder: Recorder
) -> None:
    await recorder.checkpoint()
    for _ in range(2):
        desk.now += timedelta(seconds=5)
        await recorder.post(FINISHED, end())
    assert (await kinds(desk)).count("recording-finished") == 1
    kept = await desk.services.database.read(recordings.by_session, SESSION)
    assert kept is not None
    assert (kept["head"], kept["segments"], kept["bytes"]) == ("cd" * 32, 9, 1234)
    assert kept["finished_at"] == desk.now - timedelta(seconds=5)
    state = await desk.services.session.state(SESSION)
    assert state.recording_finished
    assert e.RecordingFinished.TYPE == "recording-finished"


def end() -> dict[str, Any]:
    return {
        "session_id": SESSION,
        "head": "cd" * 32,
        "segments": 9,
        "duration_ms": 60_000,
        "bytes": 1234,
    }
