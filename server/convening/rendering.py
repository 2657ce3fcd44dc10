"""The child process that opens a stranger's PDF: checks it and draws each page as a WebP picture.

It gets the file on standard input and answers on standard output: a line of JSON, {"pages": n} or
{"error": code}, then for each page its length in 4 bytes and its bytes. It imports nothing of ours,
and limits itself first, because a PDF may be made to exhaust or crash whoever reads it.
"""

import io
import json
import os
import resource
import sys
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw
from PIL import Image

WIDTH = 780  # pixels: a phone's width at twice its density
TALLEST = 4  # times the width; a longer page is drawn smaller, not cut
MAX_BYTES = 60 * 1024  # of a page's picture
MAX_PAGES = 200
COLOURS = (16, 8, 4)  # for pages of text: sharp letters in half the bytes of a lossy picture
QUALITIES = (70, 45, 25)  # for scans and photographs
FLAT = 0.5  # share of one colour, the paper's, from which a page counts as text
_OCTREE = Image.Quantize.FASTOCTREE  # keeps rare colours, a red stamp's, that median cut greys
MEMORY = 1024**3  # bytes of address space
CPU = 90  # seconds


class Unfit(Exception):
    """The file is refused; the message is the code."""


def limit() -> None:
    os.nice(10)  # a meeting that is going on comes first
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def open_pdf(data: bytes) -> pypdfium2.PdfDocument:
    """Raises Unfit for what is no PDF, broken, locked, empty or too long."""
    if b"%PDF-" not in data[:1024]:
        raise Unfit("pdf_not")
    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        raise Unfit("pdf_locked" if locked else "pdf_broken") from None
    if pypdfium2.raw.FPDF_GetSecurityHandlerRevision(pdf) != -1:
        raise Unfit("pdf_locked")
    if len(pdf) == 0:
        raise Unfit("pdf_broken")
    if len(pdf) > MAX_PAGES:
        raise Unfit("pdf_too_long")
    return pdf


def draw(pdf: pypdfium2.PdfDocument, number: int) -> bytes:
    """One page as a picture of at most MAX_BYTES."""
    try:
        page = pdf[number]
        width, height = page.get_size()
        if width <= 0 or height <= 0:
            raise Unfit("pdf_broken")
        scale = min(WIDTH / width, TALLEST * WIDTH / height)
        image = page.render(scale=scale, rev_byteorder=True).to_pil().convert("RGB")
        page.close()
    except (pypdfium2.PdfiumError, ValueError) as error:
        raise Unfit("pdf_broken") from error
    return compress(image)


def compress(image: Image.Image) -> bytes:
    """Loses colours or quality first, then size, until the picture is small enough."""
    while True:
        for data in _attempts(image):
            if len(data) <= MAX_BYTES:
                return data
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))


def _attempts(image: Image.Image) -> Iterator[bytes]:
    most = max(count for count, _ in image.quantize(16, _OCTREE).getcolors() or [(0, 0)])
    if most >= FLAT * image.width * image.height:
        for colours in COLOURS:
            few = image.quantize(colours, _OCTREE, dither=Image.Dither.NONE).convert("RGB")
            yield _webp(few, lossless=True, quality=75)
    for quality in QUALITIES:
        yield _webp(image, quality=quality)


def _webp(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", method=4, **options)
    return out.getvalue()


def main() -> None:
    limit()
    out = sys.stdout.buffer
    try:
        pdf = open_pdf(sys.stdin.buffer.read())
        pictures = [draw(pdf, number) for number in range(len(pdf))]
    except Unfit as refusal:
        out.write(json.dumps({"error": str(refusal)}).encode() + b"\n")
        return
    out.write(json.dumps({"pages": len(pictures)}).encode() + b"\n")
    for picture in pictures:
        out.write(len(picture).to_bytes(4, "big") + picture)
    out.flush()


if __name__ == "__main__":
    main()
