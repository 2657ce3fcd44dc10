import sqlite3
from typing import Any

import pytest

from recording.signing import Signer
from server.http.errors import NotFound
from server.session import events as e
from server.store import events
from tests.server.conftest import NOW, Desk
from tests.server.recordings.conftest import SESSION, Recorded
from tests.server.session.meeting import Meeting


async def verdict(desk: Desk) -> Any:
    return await desk("GET", "/api/sessions/{session_id}/verdict", session_id=SESSION)


async def broken(desk: Desk) -> list[str]:
    found = await verdict(desk)
    assert not found.intact
    return [c["sentence"] for c in found.checks if c["level"] == "broken"]


def change(desk: Desk, sql: str, *values: Any) -> None:
    """What somebody with the database file could do."""
    file = desk.services.database.url.database
    with sqlite3.connect(str(file)) as conn:
        assert conn.execute(sql, values).rowcount == 1
    conn.close()


async def test_an_untouched_session_is_intact_in_every_respect(
    desk: Desk, held: Meeting, recorded: Recorded
) -> None:
    found = await verdict(desk)
    assert found.intact
    sentences = [c["sentence"] for c in found.checks]
    assert sentences[0].startswith(f"Nhật ký có {len(held.entries)} sự kiện")
    assert "1 xác nhận của máy ghi có chữ ký đúng." in sentences
    assert "Bản ghi có 5 đoạn, tất cả đúng như khi ghi." in sentences
    assert {c["sentence"] for c in found.checks if c["level"] == "note"} == {
        "Chưa có xác nhận nhật ký của cấp ủy cấp trên.",
        "Việc ghi gián đoạn 1 lần, tổng cộng 30 giây.",
    }
    assert found.notes == 2


async def test_a_changed_word_in_the_log_is_found_where_it_is(
    desk: Desk, recorded: Recorded
) -> None:
    change(
        desk,
        "update event_payload set body = replace(body, 'Nhất trí', 'Bác bỏ') "
        'where body like \'%"conclusion":"Nhất trí báo cáo%\'',
    )
    [sentence] = await broken(desk)
    assert sentence.startswith("Nhật ký không khớp từ sự kiện số ")


async def test_a_changed_header_or_a_missing_event_is_found(
    desk: Desk, held: Meeting, recorded: Recorded
) -> None:
    change(desk, "update event set time = '2026-12-03T00:00:00.000Z' where seq = 9")
    assert await broken(desk) == ["Nhật ký không khớp từ sự kiện số 9."]
    change(desk, "update event set time = ? where seq = 9", held.entries[8].time)
    assert (await verdict(desk)).intact
    change(desk, "delete from event where seq = 9")
    assert await broken(desk) == ["Nhật ký không khớp từ sự kiện số 9."]


async def test_a_log_cut_at_its_end_is_found_by_the_head(
    desk: Desk, held: Meeting, recorded: Recorded
) -> None:
    change(desk, "delete from event where seq = ?", len(held.entries))
    assert "Điểm cuối nhật ký khác với điểm đã lưu." in await broken(desk)


async def test_a_destroyed_payload_is_a_note_and_no_breach(desk: Desk, recorded: Recorded) -> None:
    change(desk, "delete from event_payload where seq = 12")
    found = await verdict(desk)
    assert found.intact
    assert any("1 sự kiện đã được hủy" in c["sentence"] for c in found.checks)


async def test_one_changed_byte_of_a_recording_names_the_file(
    desk: Desk, recorded: Recorded
) -> None:
    path = recorded.directory / "segments" / "TR_mic4-00000.webm"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    [sentence] = await broken(desk)
    assert "TR_mic4-00000.webm was altered" in sentence
    path.unlink()
    [sentence] = await broken(desk)
    assert "TR_mic4-00000.webm is missing" in sentence


async def test_a_recording_that_lost_its_end_is_found_by_the_log(
    desk: Desk, recorded: Recorded
) -> None:
    manifest = recorded.directory / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[:-2]))
    [sentence] = await broken(desk)
    assert "records are missing" in sentence
    manifest.unlink()
    assert await broken(desk) == ["Không có bản ghi trên máy chủ."]


async def test_a_changed_statement_of_the_recorder_is_found(desk: Desk, recorded: Recorded) -> None:
    change(desk, "update checkpoint set body = replace(body, 'recording', 'stopped')")
    assert await broken(desk) == ["Xác nhận số 1 của máy ghi có chữ ký sai."]


async def test_statements_of_an_earlier_recorder_are_a_note(desk: Desk, recorded: Recorded) -> None:
    spki = desk.services.config.recorder_spki_file
    spki.unlink()
    Signer.load(spki.with_name("new.pem"))
    spki.with_name("new.spki").rename(spki)
    found = await verdict(desk)
    assert found.intact
    assert any("khóa khác" in c["sentence"] for c in found.checks if c["level"] == "note")


async def test_the_upper_committees_witness_must_be_of_this_history(
    desk: Desk, held: Meeting, recorded: Recorded
) -> None:
    async def witness(head: str) -> None:
        before = len(held.entries)
        held.append([e.HeadWitnessed(20, head, "", "key", "")], e.UPPER)
        news = held.entries[before:]
        await desk.services.database.write(events.append, SESSION, news, "closed", NOW, NOW)

    await witness(held.entries[19].hash)
    sentences = [c["sentence"] for c in (await verdict(desk)).checks]
    assert "Cấp ủy cấp trên đã xác nhận nhật ký đến sự kiện số 20." in sentences
    await witness(held.entries[18].hash)
    assert await broken(desk) == ["Điểm cuối nhật ký khác với điểm đã lưu."]


async def test_a_session_without_a_log_has_no_verdict(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await verdict(desk)
