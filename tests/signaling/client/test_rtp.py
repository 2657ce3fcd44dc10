from hypothesis import given
from hypothesis import strategies as st

from signaling.client import rtp


def test_a_packet_with_an_audio_level_comes_back_as_it_was_built() -> None:
    data = rtp.build(111, 65535, 2**32 - 1, 77, True, b"sound", (1, 33))
    packet = rtp.parse(data, level_id=1)
    assert packet == rtp.RtpPacket(111, 65535, 2**32 - 1, 77, True, b"sound", 33)


def test_padding_is_not_payload() -> None:
    data = bytearray(rtp.build(96, 1, 2, 3, False, b"picture\0\0\3"))
    data[0] |= 0x20
    packet = rtp.parse(bytes(data))
    assert packet is not None
    assert packet.payload == b"picture"


def test_a_level_is_found_behind_other_extensions() -> None:
    extensions = bytes([0x32, 1, 2, 3, 0x00, 0x50, 0x80 | 40, 0x00])
    head = bytes([0x90, 111]) + bytes(10) + b"\xbe\xde" + (2).to_bytes(2) + extensions
    packet = rtp.parse(head + b"x", level_id=5)
    assert packet is not None
    assert (packet.level, packet.payload) == (40, b"x")


@given(st.binary(max_size=80), st.integers(0, 14))
def test_junk_is_never_an_error(data: bytes, level_id: int) -> None:
    rtp.parse(data, level_id)


@given(st.integers(1, 20_000), st.integers(0, 40_000))
def test_a_frame_is_split_into_packets_that_fit_and_join_to_it(size: int, picture: int) -> None:
    frame = bytes(n & 0xFF for n in range(size))
    pieces = list(rtp.split_vp8(frame, picture))
    assert b"".join(piece[4:] for piece, _ in pieces) == frame
    assert all(len(piece) <= rtp.MAX_PAYLOAD + 4 for piece, _ in pieces)
    assert [last for _, last in pieces] == [False] * (len(pieces) - 1) + [True]
    assert [bool(piece[0] & 0x10) for piece, _ in pieces] == [True] + [False] * (len(pieces) - 1)


def test_a_counter_is_widened_forwards_and_backwards_over_its_wrap() -> None:
    wide = rtp.Unwrapper(16)
    first = wide.widen(65534)
    assert [wide.widen(n) - first for n in (65535, 1, 0, 2, 65533)] == [1, 3, 2, 4, -1]
