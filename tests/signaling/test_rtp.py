from aiortc.rtp import HeaderExtensionsMap
from aiortc.rtp import RtpPacket as Reference
from hypothesis import given
from hypothesis import strategies as st

from signaling.sfu import rtp


def test_a_packet_of_another_implementation_is_understood() -> None:
    reference = Reference(payload_type=96, marker=1, sequence_number=7, timestamp=9, ssrc=11)
    reference.payload = b"picture"
    reference.csrc = [1, 2]
    packet = rtp.parse(reference.serialize(HeaderExtensionsMap()))
    assert packet is not None
    assert (packet.payload_type, packet.seq, packet.timestamp, packet.ssrc) == (96, 7, 9, 11)
    assert packet.marker
    assert packet.payload == b"picture"


@given(
    st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=5),
    st.binary(max_size=60),
)
def test_building_and_parsing_agree(extensions: dict[int, bytes], payload: bytes) -> None:
    packet = rtp.Packet(111, 0x80, 65535, 2**32 - 1, 5, extensions, payload)
    again = rtp.parse(rtp.build(packet))
    assert again is not None
    assert again.extensions == extensions
    assert again.payload == payload


def test_large_extensions_use_the_two_byte_form() -> None:
    packet = rtp.Packet(96, 0, 1, 1, 5, {20: b"", 3: b"x" * 40}, b"p")
    wire = rtp.build(packet)
    assert wire[12:14] == b"\x10\x00"
    again = rtp.parse(wire)
    assert again is not None
    assert again.extensions == {20: b"", 3: b"x" * 40}


def test_padding_is_removed_and_impossible_padding_refused() -> None:
    head = rtp.HEADER.pack(0xA0, 96, 1, 1, 5)
    padded = rtp.parse(head + b"abc\0\0\x03")
    assert padded is not None
    assert padded.payload == b"abc"
    only = rtp.parse(head + b"\0\0\x03")
    assert only is not None
    assert only.payload == b""
    assert rtp.parse(head + b"ab\x09") is None
    assert rtp.parse(head) is None


def test_a_retransmission_gives_back_the_original() -> None:
    original = rtp.Packet(97, 0x80, 500, 90, 6, {}, (1234).to_bytes(2, "big") + b"data")
    packet = rtp.unwrap_rtx(original, ssrc=5, payload_type=96)
    assert packet is not None
    assert (packet.seq, packet.ssrc, packet.payload_type) == (1234, 5, 96)
    assert packet.payload == b"data"
    assert rtp.unwrap_rtx(rtp.Packet(97, 0, 1, 1, 6, {}, b""), 5, 96) is None


@given(st.integers(2**16, 2**40), st.integers(-30000, 30000))
def test_sequence_numbers_unwrap_to_the_nearest(reference: int, step: int) -> None:
    assert rtp.unwrap((reference + step) & 0xFFFF, reference) == reference + step


@given(st.binary(max_size=300))
def test_noise_never_raises(data: bytes) -> None:
    rtp.parse(data)
    rtp.parse(b"\x90" + data)
