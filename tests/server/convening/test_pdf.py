import io
import re
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from server.convening import pdf as module
from server.convening.pdf import page_pictures
from server.convening.rendering import MAX_BYTES, MAX_PAGES, TALLEST, WIDTH, compress
from server.http.errors import BadInput, TooLarge

Make = Callable[..., bytes]


def by_hand(
    pages: int, *, box: str = "0 0 595 842", extra: bytes = b"", content: bytes = b""
) -> bytes:
    """A small PDF of equal pages, without a cross-reference table; readers rebuild it."""
    kids = b" ".join(b"%d 0 R" % (10 + n) for n in range(pages))
    out = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    out += b"2 0 obj<</Type/Pages/Count %d/Kids[%s]>>endobj\n" % (pages, kids)
    out += b"3 0 obj<</Length %d%s>>stream\n%s\nendstream endobj\n" % (len(content), extra, content)
    for n in range(pages):
        out += b"%d 0 obj<</Type/Page/Parent 2 0 R/Contents 3 0 R/MediaBox[%s]>>endobj\n" % (
            10 + n,
            box.encode(),
        )
    return out + b"trailer<</Root 1 0 R/Size %d>>\n%%%%EOF\n" % (10 + pages)


async def test_each_page_becomes_a_small_picture_as_wide_as_a_phone(pdf: Make) -> None:
    pictures = await page_pictures(pdf(3, words=500))
    assert len(pictures) == 3
    for data in pictures:
        assert len(data) <= 60 * 1024
        picture = Image.open(io.BytesIO(data))
        assert (picture.format, picture.width) == ("WEBP", 780)
        dark = picture.convert("L").point(lambda value: 255 * (value < 100)).getbbox()
        assert dark is not None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "pdf_not"),
        (b"PK\x03\x04 a document of another kind", "pdf_not"),
        (b"<html>%PDX-1.7</html>", "pdf_not"),
        (b"%PDF-1.7\nnothing more", "pdf_broken"),
        (by_hand(0), "pdf_broken"),
        (by_hand(MAX_PAGES + 1), "pdf_too_long"),
    ],
)
async def test_what_is_no_good_pdf_is_refused_by_name(data: bytes, code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        await page_pictures(data)
    assert refusal.value.code == code
    assert refusal.value.message.startswith(("Tệp", "Không"))


async def test_a_pdf_cut_in_half_is_broken(pdf: Make) -> None:
    whole = re.sub(rb"startxref.*", b"", pdf(2), flags=re.DOTALL)
    with pytest.raises(BadInput) as refusal:
        await page_pictures(whole[: len(whole) // 3])
    assert refusal.value.code == "pdf_broken"


@pytest.mark.parametrize("owner_only", [True, False])
async def test_a_locked_pdf_is_refused(owner_only: bool) -> None:
    with pytest.raises(BadInput) as refusal:
        await page_pictures(locked_pdf(owner_only))
    assert refusal.value.code == "pdf_locked"


async def test_a_page_of_absurd_size_is_drawn_small_and_not_cut() -> None:
    tall, wide = (
        await page_pictures(by_hand(1, box="0 0 10 14000")),
        await page_pictures(by_hand(1, box="0 0 14000 10")),
    )
    assert Image.open(io.BytesIO(tall[0])).height <= TALLEST * WIDTH
    assert Image.open(io.BytesIO(wide[0])).width == WIDTH


async def test_a_stream_that_unpacks_to_gigabytes_stops_nothing_else(pdf: Make) -> None:
    packer = zlib.compressobj(9)
    zeros = bytes(16 * 1024 * 1024)
    head = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = head + block * 99 + packer.flush()  # 1.6 GB in 1.6 MB
    [picture] = await drawn_or_broken(by_hand(1, extra=b"/Filter/FlateDecode", content=bomb), pdf)
    assert len(picture) <= MAX_BYTES


async def drawn_or_broken(data: bytes, pdf: Make) -> list[bytes]:
    """The pictures of a hostile file, or of a good one after the hostile one was refused."""
    try:
        return await page_pictures(data)
    except BadInput:
        return await page_pictures(pdf(1))


async def test_a_file_over_the_limit_is_not_even_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PDF", 1000)
    with pytest.raises(TooLarge):
        await page_pictures(b"%PDF-" + bytes(1000))


async def test_a_drawing_that_takes_too_long_is_given_up(
    monkeypatch: pytest.MonkeyPatch, pdf: Make
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    with pytest.raises(BadInput) as refusal:
        await page_pictures(pdf(1))
    assert refusal.value.code == "pdf_broken"


def test_noise_is_made_smaller_until_it_fits() -> None:
    noise = Image.effect_noise((780, 1103), 100).convert("RGB")
    data = compress(noise)
    assert len(data) <= MAX_BYTES
    assert Image.open(io.BytesIO(data)).width < 780


def locked_pdf(owner_only: bool) -> bytes:
    """RC4-40 by the PDF 1.4 algorithms (ISO 32000-1, 7.6.3): with or without a user password."""
    import hashlib

    pad = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")

    def rc4(key: bytes, data: bytes) -> bytes:
        box, j = list(range(256)), 0
        for i in range(256):
            j = (j + box[i] + key[i % len(key)]) % 256
            box[i], box[j] = box[j], box[i]
        out, i, j = bytearray(), 0, 0
        for byte in data:
            i = (i + 1) % 256
            j = (j + box[i]) % 256
            box[i], box[j] = box[j], box[i]
            out.append(byte ^ box[(box[i] + box[j]) % 256])
        return bytes(out)

    user = b"" if owner_only else b"secret"
    owner = rc4(hashlib.md5((b"owner" + pad)[:32]).digest()[:5], (user + pad)[:32])
    file_id, permissions = b"0123456789abcdef", (-4).to_bytes(4, "little", signed=True)
    key = hashlib.md5((user + pad)[:32] + owner + permissions + file_id).digest()[:5]
    encrypt = b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (
        owner.hex().encode(),
        rc4(key, pad).hex().encode(),
    )
    trailer = b"trailer<</ID[<%s><%s>]" % ((file_id.hex().encode(),) * 2) + encrypt
    return by_hand(1).replace(b"trailer<<", trailer)
