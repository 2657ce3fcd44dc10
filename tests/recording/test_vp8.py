from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.reorder import Lost
from recording.vp8 import Picture, PictureAssembler, descriptor, frame_header
from signaling.client import assets, rtp
from signaling.client.rtp import RtpPacket


@pytest.fixture(scope="session")
def frames(flash_and_beep: tuple[Path, Path]) -> list[bytes]:
    return [frame.data for frame in assets.read(flash_and_beep[0]).frames]


def packets(frames: list[bytes]) -> list[list[RtpPacket]]:
    """Each frame as packets of a few bytes, so that every frame takes several."""
    out = []
    for n, frame in enumerate(frames):
        pieces = [frame[at : at + 20] for at in range(0, len(frame), 20)]
        out.append(
            [
                RtpPacket(
                    96,
                    0,
                    n * 9000,
                    1,
                    at == len(pieces) - 1,
                    (b"\x10" if at == 0 else b"\x00") + piece,
                )
                for at, piece in enumerate(pieces)
            ]
        )
    return out


def assembled(items: list[RtpPacket | Lost]) -> list[Picture]:
    assembler = PictureAssembler()
    return [picture for item in items for picture in assembler.feed(item)]


def test_whole_frames_come_out_with_the_size_of_keyframes(frames: list[bytes]) -> None:
    pictures = assembled([p for group in packets(frames) for p in group])
    assert [p.data for p in pictures] == frames
    assert (pictures[0].header.width, pictures[0].header.height) == (320, 180)


def test_after_a_loss_nothing_comes_until_the_next_keyframe(frames: list[bytes]) -> None:
    groups = packets(frames[:15])
    items: list[RtpPacket | Lost] = [p for group in groups[:7] for p in group[:-1] + group[-1:]]
    items += [Lost(1), *(p for group in groups[8:] for p in group)]
    pictures = assembled(items)
    assert [p.timestamp // 9000 for p in pictures] == [*range(7), *range(10, 15)]
    assert pictures[7].header.key


def test_a_frame_without_marker_ends_where_the_next_begins(frames: list[bytes]) -> None:
    groups = packets(frames[:3])
    groups[1][-1].marker = False
    assert len(assembled([p for group in groups for p in group])) == 3


def test_padding_and_blank_closing_frames_are_left_out(frames: list[bytes]) -> None:
    blank = bytes([0x10, 0, 0]) + b"\x9d\x01\x2a" + bytes([8, 0, 8, 0]) + bytes(20)
    items = [*packets(frames[:1])[0], RtpPacket(96, 0, 5, 1, False, b"")]
    items.append(RtpPacket(96, 0, 9000, 1, True, b"\x10" + blank))
    assert [p.data for p in assembled(items)] == frames[:1]


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans(), st.integers(0, 3))))
def test_junk_never_becomes_a_frame_before_a_keyframe(
    junk: list[tuple[bytes, bool, int]],
) -> None:
    items: list[RtpPacket | Lost] = [
        RtpPacket(96, n, stamp, 1, marker, data) for n, (data, marker, stamp) in enumerate(junk)
    ]
    pictures = assembled(items)
    assert not pictures or pictures[0].header.key


@given(st.binary(max_size=30))
def test_headers_of_junk_are_never_an_error(data: bytes) -> None:
    frame_header(data)
    descriptor(data)


def test_the_descriptor_of_our_own_packets_is_understood() -> None:
    (payload, _), *_ = rtp.split_vp8(b"x" * 50, 300)
    assert descriptor(payload) == (4, True)
