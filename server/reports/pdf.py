"""A document as PDF/A by typst, with the fonts that lie beside this file."""

from dataclasses import asdict
from datetime import datetime
from functools import cache
from pathlib import Path

import pypdfium2
import typst

from server.reports.document import Block, Document, Heading, Paragraph, Table
from server.texts import say
from voting.signing import canonical_bytes

HERE = Path(__file__).parent


@cache
def _fonts() -> "typst.Fonts":
    # Only ours: a machine's own fonts would give other bytes for the same document.
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[HERE / "fonts"]
    )


def pdf(document: Document, at: datetime) -> bytes:
    """The file, dated `at`; the same document and time always give the same bytes."""
    compiler = typst.Compiler(
        input=(HERE / "page.typ").read_bytes(), root=HERE, font_paths=_fonts()
    )
    made = compiler.compile(
        format="pdf",
        sys_inputs={"document": canonical_bytes(_data(document)).decode()},
        pdf_standards="a-2b",  # PDF/A-2b: what an archive can still open
        timestamp=int(at.timestamp()),
    )
    assert isinstance(made, bytes)
    return made


def page_count(data: bytes) -> int:
    document = pypdfium2.PdfDocument(data)
    try:
        return len(document)
    finally:
        document.close()


def _data(document: Document) -> dict[str, object]:
    plain = asdict(document)
    plain["blocks"] = [_block(block) for block in document.blocks]
    plain["party"] = say("reports.party")
    return plain


def _block(block: Block) -> dict[str, object]:
    match block:
        case Paragraph(runs):
            return {"type": "paragraph", "runs": [asdict(run) for run in runs]}
        case Heading(words):
            return {"type": "heading", "text": words}
        case Table():
            return {"type": "table", **asdict(block)}
