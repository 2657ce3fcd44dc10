from signaling.client import sdp

OFFER = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=ice-lite
a=group:BUNDLE 0 1 2
a=fingerprint:sha-256 AA:BB
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:0
a=ice-ufrag:abcd
a=ice-pwd:secretsecretsecretsecret
a=setup:actpass
a=sctp-port:5000
a=candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host
a=candidate:2 1 tcp 1671430143 127.0.0.1 7881 typ host tcptype passive
m=audio 9 UDP/TLS/RTP/SAVPF 63 111
a=mid:1
a=sendrecv
a=rtpmap:63 red/48000/2
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=extmap:3 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=msid:PA_x|TR_sound TR_sound
a=ssrc:1111 cname:x
m=video 9 UDP/TLS/RTP/SAVPF 98 96 97
a=mid:2
a=sendonly
a=rtpmap:98 H264/90000
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=ssrc-group:FID 2222 3333
a=ssrc:2222 cname:x
a=ssrc:3333 cname:x
"""
LOCAL = sdp.LocalTransport("uuuu", "p" * 24, "sha-256 CC:DD", "127.0.0.1", 4000)


def test_the_offer_tells_which_stream_carries_which_track() -> None:
    offer = sdp.parse(OFFER)
    data, sound, picture = offer.sections
    assert offer.is_lite
    assert [c.protocol for c in data.candidates] == ["udp", "tcp"]
    assert (sound.payload_type(), sound.media_ssrc(), sound.track_id) == (111, 1111, "TR_sound")
    assert (picture.payload_type(), picture.media_ssrc()) == (96, 2222)
    assert offer.attribute("fingerprint") == "sha-256 AA:BB"


def test_the_answer_keeps_order_and_accepts_one_codec_a_section() -> None:
    answer = sdp.parse(sdp.answer(sdp.parse(OFFER), LOCAL, 2))
    assert [s.kind for s in answer.sections] == ["application", "audio", "video"]
    assert [s.mid for s in answer.sections] == ["0", "1", "2"]
    assert [s.formats for s in answer.sections[1:]] == [["111"], ["96"]]
    assert [s.direction for s in answer.sections[1:]] == ["recvonly", "recvonly"]
    assert answer.sections[1].extensions == {sdp.AUDIO_LEVEL: 3}
    assert {s.attributes["setup"] for s in answer.sections} == {"active"}
    assert answer.attributes["group"] == "BUNDLE 0 1 2"


def test_media_that_cannot_be_handed_over_is_answered_inactive() -> None:
    text = OFFER.replace("a=rtpmap:96 VP8/90000\n", "")
    answer = sdp.parse(sdp.answer(sdp.parse(text), LOCAL, 2))
    assert answer.sections[2].direction == "inactive"


def test_an_offer_names_each_track_by_its_cid() -> None:
    tracks = [sdp.Outgoing("0", "audio", "cid-a", 7), sdp.Outgoing("1", "video", "cid-v", 9)]
    offer = sdp.parse(sdp.offer(tracks, LOCAL, 1))
    assert [(s.track_id, s.media_ssrc(), s.direction) for s in offer.sections] == [
        ("cid-a", 7, "sendonly"),
        ("cid-v", 9, "sendonly"),
    ]


def test_candidates_that_cannot_be_reached_are_left_out() -> None:
    assert sdp.parse_candidate("candidate:1 1 udp 5 abc.local 4000 typ host") is None
    assert sdp.parse_candidate("nonsense") is None
