from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.opus import samples
from signaling.client import assets


def test_packets_of_a_real_encoder_last_20_ms(flash_and_beep: tuple[Path, Path]) -> None:
    frames = assets.read(flash_and_beep[1]).frames
    assert {samples(frame.data) for frame in frames} == {960}


@pytest.mark.parametrize(
    ("packet", "length"),
    [
        (b"\xf8\xff\xfe", 960),  # CELT 20 ms, one frame
        (b"\x08" + bytes(5), 960),  # SILK 20 ms
        (b"\x18" + bytes(5), 2880),  # SILK 60 ms
        (b"\xf9" + bytes(4), 1920),  # two equal frames
        (b"\xfa\x01" + bytes(3), 1920),  # two frames of 1 and 2 bytes
        (b"\xfb\x03" + bytes(6), 2880),  # three equal frames
        (b"\xfb\x82\x01" + bytes(3), 1920),  # two frames with lengths
        (b"\xfb\x42\x01" + bytes(3), 1920),  # two frames and a byte of padding
    ],
)
def test_lengths_follow_the_table(packet: bytes, length: int) -> None:
    assert samples(packet) == length


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\xf8" + bytes(1276),  # R2: a frame too long
        b"\xf9" + bytes(3),  # R3: two equal frames of an odd total
        b"\xfa\x05" + bytes(3),  # R4: the first is longer than the packet
        b"\xfb",  # R6: no count
        b"\xfb\x00",  # R5: no frames
        b"\x1b\x03" + bytes(9),  # R5: 180 ms
        b"\xfb\x43\x30" + bytes(3),  # R6: more padding than packet
    ],
)
def test_packets_that_break_a_rule_are_refused(packet: bytes) -> None:
    assert samples(packet) is None


@given(st.binary(max_size=60))
def test_junk_is_never_an_error(packet: bytes) -> None:
    samples(packet)
