import itertools

from signaling.client import rtp
from signaling.client.assets import Asset, Frame
from signaling.client.publication import OPUS_SILENCE, Publication

SOUND = Asset(
    "audio", 48_000, 4800, 0, 0, tuple(Frame(n * 960, True, 20, bytes([n])) for n in range(5))
)
PICTURE = Asset(
    "video",
    90_000,
    90_000,
    320,
    180,
    tuple(Frame(n * 9000, n % 5 == 0, 0, bytes([n]) * 2000) for n in range(10)),
)


def play(publication: Publication, start: float, stop: float) -> list[tuple[float, rtp.RtpPacket]]:
    """Drives a publication as its owner would; (moment, packet) of all it sent."""
    sent, now = [], start
    while now < stop:
        packets, again = publication.due(now)
        sent += [(now, parsed) for p in packets if (parsed := rtp.parse(p, 1))]
        if again is None:
            break
        now = max(again, now)
    return sent


def test_sound_loops_without_a_break_in_its_clock() -> None:
    sent = [packet for _, packet in play(Publication(SOUND, "microphone", muted=False), 0, 0.5)]
    assert [p.payload[0] for p in sent[:7]] == [0, 1, 2, 3, 4, 0, 1]
    assert {b.timestamp - a.timestamp for a, b in itertools.pairwise(sent)} == {960}
    assert {b.sequence - a.sequence for a, b in itertools.pairwise(sent)} == {1}
    assert {p.level for p in sent} == {20}


def test_a_picture_begins_with_a_keyframe_wherever_it_is_joined() -> None:
    sent = play(Publication(PICTURE, "camera", muted=False), 0.27, 0.6)
    moment, first = sent[0]
    assert abs(moment - 0.5) < 0.001
    assert first.payload[4] == 5


def test_after_an_unmute_sound_and_picture_are_where_the_time_is() -> None:
    sound = Publication(SOUND, "microphone", muted=False)
    before = play(sound, 0, 0.1)
    sound.set_muted(True)
    assert sound.due(0.2) == ([], None)
    sound.set_muted(False)
    moment, first = play(sound, 1.0, 1.1)[0]
    ahead = (first.timestamp - before[0][1].timestamp) / 48_000
    assert abs(ahead - (moment - before[0][0])) < 0.021


def test_a_muted_microphone_announces_itself_with_a_moment_of_silence() -> None:
    sent = play(Publication(SOUND, "microphone", muted=True), 0, 9)
    assert [p.payload for _, p in sent] == [OPUS_SILENCE] * 5
    assert {p.level for _, p in sent} == {rtp.SILENT}


def test_the_report_dates_the_packets_on_the_media_clock() -> None:
    sound = Publication(SOUND, "microphone", muted=False)
    moment, packet = play(sound, 3.0, 3.1)[0]
    report = sound.sender_report(moment, 0)
    assert abs(report.rtp - packet.timestamp) < 960
    assert (report.ssrc, report.packets) == (packet.ssrc, sound.packets)


def test_a_lost_packet_can_be_sent_again_exactly() -> None:
    sound = Publication(SOUND, "microphone", muted=False)
    packets, _ = sound.due(0)
    parsed = rtp.parse(packets[0])
    assert parsed is not None
    assert sound.resend(parsed.sequence) == packets[0]
    assert sound.resend(parsed.sequence + 9) is None
