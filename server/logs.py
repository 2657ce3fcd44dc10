"""One structured log: a JSON line per event, with secrets and personal data masked."""

import logging
import os
import re
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

# What could identify a person or open a door, wherever it stands in a text.
TOKEN = re.compile(r"\b(?=[\w-]*\d)[A-Za-z0-9_-]{32,}")
JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")
PHONE = re.compile(r"(?<![\w.])(?:\+84[ .]?|0)\d(?:[ .]?\d){7,9}(?!\w)")
CODE = re.compile(r"(?<![\w.:-])\d{6,8}(?![\w.:-])")
QUOTED = re.compile(
    r"input_value=.*?(?=, input_type=|\]|$)", re.DOTALL
)  # as pydantic quotes a body
PRIVATE = frozenset(
    (
        *("name", "member_name", "phone", "password", "code", "secret", "token", "cookie"),
        *("body", "text", "reason"),
    )
)
# Library loggers whose lines repeat ours.
QUIET = ("alembic", "uvicorn.access", "httpx", "httpcore", "aiosqlite", "websockets")


def configure(process: str, stream: TextIO | None = None) -> None:
    """Sends structlog and the standard library's logging to one stream (stderr by default)."""
    process = os.environ.get("CHIBO_PROCESS", process)  # as the supervisor names it
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]

    def name_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                name_process,
                structlog.processors.format_exc_info,
                mask,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drops fields that are private by name, and stars what looks private in the others."""
    return {
        key: "***" if key in PRIVATE else masked_text(value) if isinstance(value, str) else value
        for key, value in event.items()
    }


def masked_text(text: str) -> str:
    for pattern in (QUOTED, JWT, TOKEN, PHONE, CODE):
        text = pattern.sub("***", text)
    return text
