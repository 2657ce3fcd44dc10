"""Makes pre-encoded pictures and speech for synthetic members and tests, with PyAV, once."""

import io
import math
import subprocess
import unicodedata
from array import array
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
from PIL import Image, ImageDraw, ImageFont

from signaling.client.assets import Asset, Frame, write

WIDTH, HEIGHT, FPS = 320, 180, 10
VIDEO_CLOCK, AUDIO_CLOCK = 90_000, 48_000
OPUS_SAMPLES = 960  # 20 ms
KEYFRAME_EVERY = FPS // 2  # what a newcomer waits at most: nothing here answers requests
FLASH_EVERY, FLASH_LENGTH = 2.0, 0.2  # seconds
BEEP_HZ = 1000
SPOKEN = "Kính thưa các đồng chí, tôi xin phát biểu ý kiến về nội dung này."


Samples: TypeAlias = "array[int]"


def portrait(path: Path, name: str, hue: int, seconds: int = 8) -> None:
    """A loop of a coloured card with a name and a slowly moving circle."""
    write(path, _encode_video(list(_cards(name, hue, seconds)), 90_000))


def speech(path: Path, text: str = SPOKEN, seconds: int = 8) -> None:
    """A loop of espeak-ng's Vietnamese voice. Raises OSError where espeak-ng is missing."""
    spoken = subprocess.run(
        ["espeak-ng", "-v", "vi", "-s", "150", "--stdout", text],
        check=True,
        capture_output=True,
    ).stdout
    write(path, _encode_audio(_resampled(spoken)[: seconds * AUDIO_CLOCK], seconds, 24_000))


def hum(path: Path, seconds: int = 8, pitch: int = 160) -> None:
    """A stand-in for speech where no voice is installed: a tone that swells like syllables."""
    samples = array("h")
    for n in range(seconds * AUDIO_CLOCK):
        t = n / AUDIO_CLOCK
        syllable = max(0.0, math.sin(2 * math.pi * 3 * t))
        phase = 2 * math.pi * pitch * t
        samples.append(int(4000 * syllable * (math.sin(phase) + math.sin(2 * phase) / 2)))
    write(path, _encode_audio(samples, seconds, 24_000))


def flash_and_beep(video: Path, audio: Path, seconds: int = 10) -> None:
    """A white flash and a beep that begin together every two seconds, otherwise dark and still."""
    frames = []
    for n in range(seconds * FPS):
        on = n / FPS % FLASH_EVERY < FLASH_LENGTH
        frames.append(Image.new("RGB", (WIDTH, HEIGHT), "white" if on else "black"))
    write(video, _encode_video(frames, 90_000))
    samples = array("h")
    for n in range(seconds * AUDIO_CLOCK):
        t = n / AUDIO_CLOCK
        on = t % FLASH_EVERY < FLASH_LENGTH
        samples.append(int(12000 * math.sin(2 * math.pi * BEEP_HZ * t)) if on else 0)
    write(audio, _encode_audio(samples, seconds, 32_000))


def _cards(name: str, hue: int, seconds: int) -> Iterator[Image.Image]:
    initials = "".join(plain_letter(word[0]) for word in name.split()[-2:]).upper()
    font = ImageFont.load_default(64)
    for n in range(seconds * FPS):
        image = Image.new("RGB", (WIDTH, HEIGHT), f"hsl({hue}, 35%, 28%)")
        draw = ImageDraw.Draw(image)
        angle = 2 * math.pi * n / (seconds * FPS)
        x, y = WIDTH / 2 + 12 * math.sin(angle), HEIGHT / 2 + 4 * math.cos(2 * angle)
        draw.ellipse((x - 62, y - 62, x + 62, y + 62), fill=f"hsl({hue}, 40%, 48%)")
        draw.text((x, y), initials, fill="white", font=font, anchor="mm")
        yield image


def plain_letter(letter: str) -> str:
    """Without its marks: the font that Pillow brings has no Vietnamese."""
    return "D" if letter in "Đđ" else unicodedata.normalize("NFD", letter)[0]


def _encode_video(images: list[Image.Image], bit_rate: int) -> Asset:
    context = av.CodecContext.create("libvpx", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    context.bit_rate = bit_rate
    context.options = {
        "deadline": "good",
        "cpu-used": "4",
        "lag-in-frames": "0",
        "auto-alt-ref": "0",
        "g": str(KEYFRAME_EVERY),
        "keyint_min": str(KEYFRAME_EVERY),
        "error-resilient": "1",
    }
    frames = []
    for n, image in enumerate([*images, None]):
        picture = None
        if image is not None:
            picture = _picture(image)
            picture.pts, picture.time_base = n, Fraction(1, FPS)
        for packet in context.encode(picture):
            time = int(packet.pts or 0) * VIDEO_CLOCK // FPS
            frames.append(Frame(time, packet.is_keyframe, 0, bytes(packet)))
    duration = len(images) * VIDEO_CLOCK // FPS
    return Asset("video", VIDEO_CLOCK, duration, WIDTH, HEIGHT, tuple(frames))


def _picture(image: Image.Image) -> av.VideoFrame:
    planes = image.convert("RGB").tobytes()
    frame = av.VideoFrame(WIDTH, HEIGHT, "rgb24")
    frame.planes[0].update(planes)
    return frame.reformat(format="yuv420p")


def _encode_audio(samples: Samples, seconds: int, bit_rate: int) -> Asset:
    whole = samples + array("h", bytes(2 * (seconds * AUDIO_CLOCK - len(samples))))
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = AUDIO_CLOCK, "mono", "s16"
    context.bit_rate = bit_rate
    context.options = {"application": "voip", "frame_duration": "20"}
    context.open()
    blocks = [whole[at : at + OPUS_SAMPLES] for at in range(0, len(whole), OPUS_SAMPLES)]
    packets: list[bytes] = []
    for n, block in enumerate(blocks):
        frame = av.AudioFrame(format="s16", layout="mono", samples=OPUS_SAMPLES)
        frame.planes[0].update(block.tobytes())
        frame.sample_rate, frame.pts = AUDIO_CLOCK, n * OPUS_SAMPLES
        packets += [bytes(p) for p in context.encode(frame)]
    packets += [bytes(p) for p in context.encode(None)]
    frames = tuple(
        Frame(n * OPUS_SAMPLES, True, _level(block), data)
        for n, (block, data) in enumerate(zip(blocks, packets, strict=False))
    )
    return Asset("audio", AUDIO_CLOCK, len(blocks) * OPUS_SAMPLES, 0, 0, frames)


def _level(block: Samples) -> int:
    """RFC 6464: root mean square in -dBov."""
    power = math.sqrt(sum(s * s for s in block) / len(block)) / 32768
    return 127 if power <= 0 else min(127, max(0, round(-20 * math.log10(power))))


def _resampled(wav: bytes) -> Samples:
    samples = array("h")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_CLOCK)
    with av.open(io.BytesIO(wav), mode="r", format="wav") as source:
        for frame in source.decode(audio=0):
            for out in resampler.resample(frame):
                samples.frombytes(bytes(out.planes[0])[: out.samples * 2])
    return samples
