"""A document as one HTML page without script, pictures or links; every text in it is escaped."""

from html import escape

from server.reports.document import Block, Document, Heading, Paragraph, Signature, Table
from server.texts import say

STYLE = """
body{max-width:46em;margin:2em auto;padding:0 1em;font:1.15rem/1.5 Tinos,"Times New Roman",serif;
color:#000;background:#fff}
header{display:flex;justify-content:space-between;gap:2em;text-align:center}
header p,.signatures p{margin:0}.party{border-bottom:1px solid}.number{white-space:pre}
h1{font-size:1.3rem;text-align:center;margin:1.5em 0 0}
.subject{text-align:center;font-weight:bold;margin:0 0 1.2em}
h2{font-size:1.15rem;margin:1em 0 .3em}.body p{text-indent:2em;text-align:justify;margin:.4em 0}
table{border-collapse:collapse;width:100%;font-size:1rem}
th,td{border:1px solid;padding:.3em .4em;text-align:left;vertical-align:top}
.signatures{display:flex;justify-content:space-between;gap:2em;margin-top:2em;text-align:center}
.signatures .name{margin-top:4em;font-weight:bold}.recipients{text-align:left;font-size:.9rem}
footer{margin-top:3em;font-size:.8rem;color:#444}
"""


def html(document: Document) -> bytes:
    """The page in UTF-8; the same document always gives the same bytes."""
    title = escape(f"{document.title} {document.subject}")
    date = f"<p><em>{escape(document.place_date)}</em></p>" if document.place_date else ""
    head = (
        f"<header><div><p>{escape(document.superior)}</p>"
        f"<p><strong>{escape(document.issuer)}</strong></p><p>*</p>"
        f'<p class="number">{escape(document.number)}</p></div>'
        f'<div><p class="party"><strong>{escape(say("reports.party"))}</strong></p>{date}</div>'
        "</header>"
    )
    addressee = f"<p>{escape(document.addressee)}</p>" if document.addressee else ""
    page = (
        f'<!doctype html>\n<html lang="vi">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n{head}\n"
        f"<h1>{escape(document.title)}</h1>\n"
        f'<p class="subject">{escape(document.subject)}</p>\n<div class="body">\n{addressee}\n'
        + "\n".join(map(_block, document.blocks))
        + f"\n</div>\n{_signatures(document)}\n<footer>{escape(document.footer)}</footer>\n"
        "</body>\n</html>\n"
    )
    return page.encode()


def _block(block: Block) -> str:
    match block:
        case Paragraph(runs):
            inner = "".join(
                f"<strong>{_text(run.text)}</strong>" if run.bold else _text(run.text)
                for run in runs
            )
            return f"<p>{inner}</p>"
        case Heading(words):
            return f"<h2>{escape(words)}</h2>"
        case Table(_, head, rows):
            heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
            body = "".join(
                "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>"
                for row in rows
            )
            return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _text(words: str) -> str:
    return escape(words).replace("\n", "<br>")


def _signatures(document: Document) -> str:
    left = _signature(document.left) if document.left else ""
    if document.recipients:
        lines = "".join(f"<p>{escape(line)}</p>" for line in document.recipients)
        left = f'<div class="recipients">{lines}</div>'
    return f'<div class="signatures">{left}{_signature(document.right)}</div>'


def _signature(signature: Signature) -> str:
    lines = "".join(f"<p><strong>{escape(line)}</strong></p>" for line in signature.lines)
    return f'<div>{lines}<p class="name">{escape(signature.name)}</p></div>'
