from hypothesis import given
from hypothesis import strategies as st

from signaling.sfu.codecs import is_keyframe, parse_vp8


def test_the_vp8_descriptor_in_its_forms() -> None:
    assert parse_vp8(b"\x10\x00").size == 1  # type: ignore[union-attr]
    full = parse_vp8(b"\x90\xf0\x81\x02\x07\x20\x00rest")
    assert full is not None
    assert (full.size, full.picture_id, full.tl0, full.long_picture_id) == (6, 258, 7, True)
    short = parse_vp8(b"\x90\x80\x05\x01")
    assert short is not None
    assert (short.picture_id, short.long_picture_id) == (5, False)
    for cut in range(2, 6):
        assert parse_vp8(b"\x90\xf0\x81\x02\x07\x20\x00"[:cut]) is None


def test_keyframes_are_recognised_per_codec() -> None:
    assert is_keyframe("vp8", b"\x10\x00x")
    assert not is_keyframe("vp8", b"\x10\x01x")
    assert not is_keyframe("vp8", b"\x00\x00x")
    assert is_keyframe("h264", b"\x67sps")
    assert is_keyframe("h264", b"\x78\x00\x04\x67aaa\x00\x02\x68b")
    assert is_keyframe("h264", b"\x78\x00\x02\x09a\x00\x04\x67aaa")
    assert not is_keyframe("h264", b"\x78\x00\x02\x68b\x00\x02\x65b")
    assert is_keyframe("h264", b"\x7c\x87x")
    assert not is_keyframe("h264", b"\x7c\x07x")
    assert not is_keyframe("h264", b"\x65idr")
    assert not is_keyframe("h264", b"\x7c\x85x")
    assert not is_keyframe("h264", b"\x61x")
    assert is_keyframe("av1", b"\x18x")
    assert not is_keyframe("av1", b"\x10x")
    assert is_keyframe("vp9", b"\x88x")
    assert not is_keyframe("vp9", b"\xc8x")
    assert is_keyframe("vp9", b"\xa8\x81\x02\x00x")
    assert not is_keyframe("vp9", b"\xa8\x81\x02\x02x")
    assert not is_keyframe("vp9", b"\xa8\x01\x02x")
    assert is_keyframe("opus", b"x")


@given(st.sampled_from(["vp8", "vp9", "h264", "av1"]), st.binary(max_size=60))
def test_noise_never_raises(codec: str, payload: bytes) -> None:
    is_keyframe(codec, payload)
    parse_vp8(payload)
