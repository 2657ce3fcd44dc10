from dataclasses import replace

import pytest

from signaling.negotiation import Answerer, Local, Published, Sent, matches
from signaling.offerer import Offerer
from signaling.sfu import rtp, sdp

LOCAL = Local("ufrag", "password", ("sha-256", "AA"), ("1 1 udp 1 127.0.0.1 9 typ host",))
EXTENSIONS = {1: rtp.MID, 2: rtp.RID, 3: rtp.TRANSPORT_CC, 4: rtp.ABS_SEND_TIME, 5: "urn:other"}


def section(mid: str, kind: str, direction: str, track: str = "") -> sdp.Section:
    codecs = {
        "audio": [
            sdp.Codec(63, "red", 48000, 2, "111/111"),
            sdp.Codec(111, "opus", 48000, 2, "minptime=10", ("transport-cc",)),
        ],
        "video": [
            sdp.Codec(96, "vp8", 90000, 1, "", ("goog-remb", "transport-cc", "nack", "nack pli")),
            sdp.Codec(97, "rtx", 90000, 1, "apt=96"),
            sdp.Codec(98, "vp9", 90000, 1, "profile-id=0"),
        ],
    }[kind]
    return sdp.Section(
        kind,
        mid,
        direction=direction,
        codecs={codec.payload_type: codec for codec in codecs},
        extensions=dict(EXTENSIONS),
        ufrag="remote",
        fingerprints=[("sha-256", "BB")],
        setup="actpass",
        track=track,
    )


def sent(sid: str, kind: str = "video", codec: str = "vp8") -> Sent:
    return Sent(sid, kind, codec, "", 1234, f"PA_x|{sid}", "PA_x")


def nobody(kind: str, mid: str, track: str) -> None:
    return None


def test_a_published_track_gets_one_codec_with_its_repair() -> None:
    offer = sdp.Description(
        [section("0", "audio", "sendonly", "c"), section("1", "video", "sendonly", "v")]
    )
    known = {"c": Published("TR_a", "opus"), "v": Published("TR_v", "vp8")}
    answer = Answerer(1).answer(offer, lambda kind, mid, track: known.get(track), LOCAL)
    audio, video = sdp.parse(answer.text).sections
    assert list(audio.codecs) == [111]
    assert "usedtx=1" in audio.codecs[111].fmtp
    assert list(video.codecs) == [96, 97]
    assert video.codecs[96].feedback == ("transport-cc", "nack", "nack pli")
    assert video.direction == "recvonly"
    assert video.setup == "passive"
    assert rtp.TRANSPORT_CC in video.extensions.values()
    assert "urn:other" not in video.extensions.values()
    assert [item.track_sid for item in answer.received] == ["TR_a", "TR_v"]


def test_redundant_audio_is_asked_for_where_it_was_offered_and_wanted() -> None:
    offer = sdp.Description([section("0", "audio", "sendonly", "c")])
    for red in (True, False):
        answer = Answerer(1).answer(
            offer, lambda *_, r=red: Published("TR_a", "opus", red=r), LOCAL
        )
        (audio,) = sdp.parse(answer.text).sections
        assert list(audio.codecs) == ([63, 111] if red else [111])  # the first one is sent
        assert answer.received[0].red == (63 if red else None)
        assert answer.received[0].codec.payload_type == 111


@pytest.mark.parametrize(
    ("inside", "takes"), [(111, True), (109, False), (0, False)], ids=["same", "other", "none"]
)
def test_redundant_audio_goes_whole_only_to_those_who_number_opus_alike(
    inside: int, takes: bool
) -> None:
    """The number stands inside the packets, which nobody rewrites."""
    track = replace(sent("TR_1", "audio", "opus"), red=inside)
    answerer, offerer = Answerer(1), Offerer(1)
    answerer.add(track)
    answer = answerer.answer(sdp.Description([section("0", "audio", "recvonly")]), nobody, LOCAL)
    (bound,) = answer.bound
    assert (bound.payload_type, bound.redundant) == ((63, True) if takes else (111, False))
    assert list(sdp.parse(answer.text).sections[0].codecs) == ([63, 111] if takes else [111])
    offerer.add(track)
    offer = offerer.offer(LOCAL).text
    ((bound,), _) = offerer.answered(answer_to(offer))
    assert (bound.payload_type, bound.redundant) == ((63, True) if takes else (111, False))
    plain = answer_to("\r\n".join(line for line in offer.splitlines() if ":63 " not in line))
    plain.sections[1].codecs.pop(63, None)
    ((bound,), _) = offerer.answered(plain)
    assert (bound.payload_type, bound.redundant) == (111, False)


def test_simulcast_layers_are_accepted_in_their_order() -> None:
    offered = section("0", "video", "sendonly", "v")
    offered.rids, offered.rid_direction, offered.ssrcs = ["q", "h", "f"], "send", [1, 2]
    answer = Answerer(1).answer(
        sdp.Description([offered]), lambda *_: Published("TR_v", "vp8"), LOCAL
    )
    assert "a=simulcast:recv q;h;f" in answer.text
    assert answer.received[0].rids == ("q", "h", "f")
    assert answer.received[0].ssrcs == ()


def test_an_unknown_or_refused_track_is_answered_inactive() -> None:
    answer = Answerer(1).answer(
        sdp.Description([section("0", "video", "sendonly", "v")]), nobody, LOCAL
    )
    (video,) = sdp.parse(answer.text).sections
    assert video.direction == "inactive"
    assert answer.received == ()


def test_tracks_of_others_go_into_receiving_sections_without_another_offer() -> None:
    answerer = Answerer(1)
    answerer.add(sent("TR_1"))
    offer = sdp.Description([section(str(n), "video", "recvonly") for n in range(3)])
    answer = answerer.answer(offer, nobody, LOCAL)
    first = sdp.parse(answer.text).sections[0]
    assert first.direction == "sendonly"
    assert (first.stream, first.track, first.ssrcs) == ("PA_x|TR_1", "TR_1", [1234])
    assert "goog-remb" in first.codecs[96].feedback
    assert "transport-cc" in first.codecs[96].feedback
    assert answer.tracks_by_mid == {"0": "TR_1"}
    assert answer.bound[0].extensions[rtp.ABS_SEND_TIME] == 4
    assert answer.bound[0].extensions[rtp.TRANSPORT_CC] == 3
    assert answerer.requirement() is None


def test_sections_are_ordered_once_even_while_an_offer_is_on_its_way() -> None:
    answerer = Answerer(1)
    for n in range(5):
        answerer.add(sent(f"TR_{n}"))
    assert answerer.requirement() is None  # the first offer comes unasked
    sections = [section(str(n), "video", "recvonly") for n in range(3)]
    answerer.answer(sdp.Description(list(sections)), nobody, LOCAL)
    assert answerer.requirement() == (0, 2)
    assert answerer.requirement() is None
    answerer.answer(sdp.Description(list(sections)), nobody, LOCAL)  # sent before our request
    assert answerer.requirement() == (0, 0)
    sections += [section(str(n), "video", "recvonly") for n in (3, 4)]
    answer = answerer.answer(sdp.Description(sections), nobody, LOCAL)
    assert len(answer.tracks_by_mid) == 5
    assert answerer.requirement() is None


def test_a_section_is_inactive_once_before_it_carries_another_track() -> None:
    """A browser reports a new track only if the section had stopped receiving in between."""
    answerer = Answerer(1)
    answerer.add(sent("TR_1"))
    offer = sdp.Description([section("0", "video", "recvonly")])
    answerer.answer(offer, nobody, LOCAL)
    assert answerer.remove("TR_1")
    answerer.add(sent("TR_2"))
    assert answerer.requirement() == (0, 1)
    again = answerer.answer(offer, nobody, LOCAL)
    assert sdp.parse(again.text).sections[0].direction == "inactive"
    third = answerer.answer(offer, nobody, LOCAL)
    assert third.tracks_by_mid == {"0": "TR_2"}


def test_a_codec_the_client_does_not_know_is_said_to_be_unsupported() -> None:
    answerer = Answerer(1)
    answerer.add(sent("TR_1", codec="av1"))
    answer = answerer.answer(sdp.Description([section("0", "video", "recvonly")]), nobody, LOCAL)
    assert answer.unsupported == ("TR_1",)
    assert answer.tracks_by_mid == {}


def test_a_rejected_section_stays_rejected_and_outside_the_bundle() -> None:
    stopped = section("1", "video", "inactive")
    stopped.port = 0
    offer = sdp.Description([section("0", "audio", "recvonly"), stopped])
    answer = sdp.parse(Answerer(1).answer(offer, nobody, LOCAL).text)
    assert answer.sections[1].port == 0
    assert answer.bundle == ["0"]


def test_h264_profiles_must_agree() -> None:
    codec = sdp.Codec(1, "h264", 90000, 1, "packetization-mode=1;profile-level-id=42e01f")
    assert matches(codec, "h264", "profile-level-id=42e034;packetization-mode=1")
    assert not matches(codec, "h264", "profile-level-id=42e01f;packetization-mode=0")
    assert not matches(codec, "h264", "profile-level-id=64001f;packetization-mode=1")


def answer_to(text: str, setup: str = "active") -> sdp.Description:
    """A subscriber that takes everything it knows."""
    offer = sdp.parse(text)
    for item in offer.sections:
        item.setup = setup
        if item.direction == "sendonly":
            item.direction = "recvonly"
    return offer


def test_the_server_offers_data_first_then_tracks_and_reuses_sections() -> None:
    offerer = Offerer(1)
    first = sdp.parse(offerer.offer(LOCAL).text)
    assert [s.kind for s in first.sections] == ["application"]
    assert first.ice_lite
    offerer.answered(answer_to(offerer.offer(LOCAL).text))
    offerer.add(sent("TR_1"))
    assert offerer.dirty
    offer = offerer.offer(LOCAL)
    assert offer.tracks_by_mid == {"1": "TR_1"}
    bound, unsupported = offerer.answered(answer_to(offer.text))
    assert [item.track_sid for item in bound] == ["TR_1"]
    assert not unsupported
    offerer.remove("TR_1")
    offerer.add(sent("TR_2"))
    offer = offerer.offer(LOCAL)
    assert offer.tracks_by_mid == {"2": "TR_2"}
    assert sdp.parse(offer.text).sections[1].direction == "inactive"
    offerer.answered(answer_to(offer.text))
    offerer.add(sent("TR_3"))
    assert offerer.offer(LOCAL).tracks_by_mid == {"1": "TR_3", "2": "TR_2"}


def test_a_refused_section_of_an_answer_is_unsupported() -> None:
    offerer = Offerer(1)
    offerer.add(sent("TR_1"))
    answer = answer_to(offerer.offer(LOCAL).text)
    answer.sections[1].port = 0
    assert offerer.answered(answer) == ([], ["TR_1"])


def test_repeats_get_a_stream_of_their_own_where_the_client_takes_them() -> None:
    repeated = Sent("TR_v", "video", "vp8", "", 1234, "PA_x|TR_v", "PA_x", rtx_ssrc=5678)
    offer = sdp.Description([section("0", "video", "recvonly")])
    answerer = Answerer(1)
    answerer.add(repeated)
    answer = answerer.answer(offer, nobody, LOCAL)
    assert "a=ssrc-group:FID 1234 5678\r\n" in answer.text
    (video,) = sdp.parse(answer.text).sections
    assert (list(video.codecs), video.ssrcs, video.repairs) == (
        [96, 97],
        [1234, 5678],
        {5678: 1234},
    )
    assert answer.bound[0].rtx == 97

    plain = section("0", "video", "recvonly")
    del plain.codecs[97]
    answerer = Answerer(1)
    answerer.add(repeated)
    answer = answerer.answer(sdp.Description([plain]), nobody, LOCAL)
    assert "FID" not in answer.text
    assert answer.bound[0].rtx is None


def test_our_own_offers_offer_repeats_and_heed_who_refuses_them() -> None:
    for takes in (True, False):
        offerer = Offerer(1)
        offerer.add(Sent("TR_v", "video", "vp8", "", 1234, "PA_x|TR_v", "PA_x", rtx_ssrc=5678))
        offer = sdp.parse(offerer.offer(LOCAL).text)
        (video,) = [item for item in offer.sections if item.kind == "video"]
        assert video.codecs[97].parameter("apt") == "96"
        assert video.repairs == {5678: 1234}
        reply = section(video.mid, "video", "recvonly")
        if not takes:
            del reply.codecs[97]
        (bound,), _ = offerer.answered(sdp.Description([reply]))
        assert bound.rtx == (97 if takes else None)
