import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.errors import MalformedMessage
from signaling.sfu import sdp

OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=fingerprint:sha-256 AA:BB
a=setup:actpass
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:abcd
a=ice-pwd:secret
a=extmap:4/recvonly urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=msid:stream track
a=rtpmap:96 VP8/90000
a=rtcp-fb:* nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=ssrc-group:FID 11 12
a=ssrc:11 cname:c
a=ssrc:12 cname:c
a=rid:q send
a=rid:h send max-width=640
a=simulcast:send q;h
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:1
a=sctp-port:5000
"""


def test_a_browser_offer_is_understood() -> None:
    video, data = sdp.parse(OFFER.replace("\n", "\r\n")).sections
    assert (video.kind, video.mid, video.direction) == ("video", "0", "sendonly")
    assert (video.stream, video.track) == ("stream", "track")
    assert video.codecs[96].name == "vp8"
    assert video.codecs[96].feedback == ("nack", "nack pli")
    assert video.codecs[97].parameter("apt") == "96"
    assert video.rids == ["q", "h"]
    assert video.repairs == {12: 11}
    assert video.extensions == {4: "urn:ietf:params:rtp-hdrext:sdes:mid"}
    assert data.fingerprints == [("sha-256", "AA:BB")]
    assert data.setup == "actpass"


def test_what_is_written_can_be_read_back() -> None:
    parsed = sdp.parse(OFFER)
    again = sdp.parse(sdp.write(parsed, 1, 2, ["1 1 udp 1 127.0.0.1 9 typ host"]))
    assert [s.mid for s in again.sections] == ["0", "1"]
    assert again.sections[0].codecs[96] == parsed.sections[0].codecs[96]
    assert again.sections[0].rids == ["q", "h"]


@pytest.mark.parametrize(
    "text",
    [
        "m=audio 9 X 1\n",
        "m=audio x X 1\na=mid:0\n",
        "m=audio 9 X 1\na=mid:0\nm=audio 9 X 1\na=mid:0\n",
        "m=\n",
        "m=audio 9 X 1\na=mid:0\na=extmap:x\n",
        "m=audio 9 X 1\na=mid:0\na=fingerprint:\n",
        "m=audio 9 X 1\na=mid:0\na=ssrc:zzz cname:x\n",
        "m=audio 9 X 1\na=mid:0\n" * 400,
        "x" * 600_000,
    ],
)
def test_nonsense_is_malformed(text: str) -> None:
    with pytest.raises(MalformedMessage):
        sdp.parse(text)


@given(st.data())
def test_damaged_offers_parse_or_are_malformed(data: st.DataObject) -> None:
    lines = OFFER.splitlines()
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        cut = data.draw(st.integers(0, len(line)))
        lines[at] = line[:cut] + data.draw(st.text(max_size=5)) + line[cut + 1 :]
    with contextlib.suppress(MalformedMessage):
        sdp.parse("\n".join(lines))
