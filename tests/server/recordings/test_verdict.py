import sqlite3
from typing import Any

import pytest

from recording.signing import Signer
from server.http.errors import NotFound
from server.session import events as e
from server.session.times import from_text
from server.store import events, tables
from server.submission.statements import countersignature
from tests.server.conftest import NOW, Desk
from tests.server.recordings.conftest import SESSION, Recorded
from tests.server.session.meeting import Meeting
from voting.signing import PrivateKey, to_base64url


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
    by_level: dict[str, list[str]] = {"ok": [], "note": []}
    for check in found.checks:
        by_level[check["level"]].append(check["sentence"])
    assert by_level["ok"][0].startswith(f"Sổ liền mạch: {len(held.entries)} dòng")
    assert "3 phiếu có chữ ký đúng; 1 kết quả kiểm lại khớp." in by_level["ok"]
    assert "1 báo cáo của máy ghi có chữ ký đúng." in by_level["ok"]
    assert "5 tệp bản ghi nguyên vẹn." in by_level["ok"]
    assert "Việc ghi gián đoạn 1 lần, tổng cộng 30 giây." in by_level["note"]
    assert "Sổ chưa được cấp trên ký chứng." in by_level["note"]
    assert found.notes == len(by_level["note"])


async def test_a_changed_word_in_the_log_is_found_where_it_is(
    desk: Desk, recorded: Recorded
) -> None:
    change(
        desk,
        "update event_payload set body = replace(body, 'Nhất trí', 'Bác bỏ') "
        'where body like \'%"conclusion":"Nhất trí báo cáo%\'',
    )
    assert "nội dung không khớp với dấu" in (await broken(desk))[0]


async def test_a_changed_header_or_a_missing_event_is_found(
    desk: Desk, held: Meeting, recorded: Recorded
) -> None:
    change(desk, "update event set time = '2026-12-03T00:00:00.000Z' where seq = 9")
    assert "dòng 9: dấu của dòng không khớp" in (await broken(desk))[0]
    change(desk, "update event set time = ? where seq = 9", held.entries[8].time)
    assert (await verdict(desk)).intact
    change(desk, "delete from event where seq = 9")
    assert "tại dòng 9" in (await broken(desk))[0]


async def test_a_log_cut_at_its_end_is_found_by_the_head(
    desk: Desk, held: Meeting, recorded: Recorded
) -> None:
    change(desk, "delete from event where seq = ?", len(held.entries))
    assert "Điểm cuối nhật ký khác với điểm đã lưu." in await broken(desk)


async def test_a_destroyed_note_is_told_and_no_breach(
    desk: Desk, held: Meeting, recorded: Recorded
) -> None:
    note = next(entry.seq for entry in held.entries if entry.type == "note-added")
    change(desk, "delete from event_payload where seq = ?", note)
    found = await verdict(desk)
    assert found.intact
    assert any("1 dòng đã hủy nội dung" in c["sentence"] for c in found.checks)


async def test_one_changed_byte_of_a_recording_names_the_file(
    desk: Desk, recorded: Recorded
) -> None:
    path = recorded.directory / "segments" / "TR_mic4-00000.webm"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert await broken(desk) == ["Tệp bản ghi segments/TR_mic4-00000.webm bị sửa."]
    path.unlink()
    assert await broken(desk) == ["Thiếu 1 tệp bản ghi mà bản kê có nêu."]


async def test_a_recording_that_lost_its_end_is_found_by_the_log(
    desk: Desk, recorded: Recorded
) -> None:
    manifest = recorded.directory / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[:-2]))
    [sentence] = await broken(desk)
    assert sentence.endswith("bản kê bị sửa hoặc bị cắt.")
    manifest.unlink()
    assert await broken(desk) == ["Không có bản ghi trên máy chủ."]


async def test_a_changed_statement_of_the_recorder_is_found(desk: Desk, recorded: Recorded) -> None:
    change(desk, "update checkpoint set body = replace(body, 'recording', 'stopped')")
    assert await broken(desk) == ["Báo cáo thứ 1 của máy ghi có chữ ký không đúng."]


async def test_statements_of_an_earlier_recorder_are_a_note(desk: Desk, recorded: Recorded) -> None:
    spki = desk.services.config.recorder_spki_file
    spki.unlink()
    Signer.load(spki.with_name("new.pem"))
    spki.with_name("new.spki").rename(spki)
    found = await verdict(desk)
    assert found.intact
    assert any("không có khóa" in c["sentence"] for c in found.checks if c["level"] == "note")


async def test_the_upper_committees_signature_must_be_of_this_history(
    desk: Desk, held: Meeting, recorded: Recorded
) -> None:
    upper = PrivateKey.generate()

    async def witness(seq: int, head: str) -> None:
        before, at = len(held.entries), "2026-12-03T14:00:00.000Z"
        signature = upper.sign(countersignature(SESSION, seq, head, from_text(at)))
        held.append([e.HeadWitnessed(seq, head, at, upper.key_id, signature)], e.UPPER)
        news = held.entries[before:]
        await desk.services.database.write(events.append, SESSION, news, "closed", NOW, NOW)

    def enrol(conn: Any) -> None:
        spki = to_base64url(upper.public.spki)
        common = {"id": "upper", "kind": "committee", "enrolled_at": NOW, "confirmed_at": NOW}
        conn.execute(tables.peer.insert().values(key_id=upper.key_id, spki=spki, **common))

    await desk.services.database.write(enrol)
    await witness(20, held.entries[19].hash)
    found = await verdict(desk)
    assert found.intact
    assert not any("cấp trên" in c["sentence"] for c in found.checks if c["level"] != "ok")
    await witness(21, held.entries[18].hash)
    assert any("Cấp trên chứng một sổ khác" in sentence for sentence in await broken(desk))


async def test_a_session_without_a_log_has_no_verdict(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await verdict(desk)
