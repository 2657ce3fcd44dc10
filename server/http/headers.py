"""Security headers on every answer, and one log line and one count for every request."""

import time
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.config import Config
from server.operations.measures import Measures

log = structlog.get_logger()

# Asked every second or so by our own machines; they are counted all the same.
UNLOGGED = ("/healthz", "/readyz", "/metrics", "/api/recorder/jobs", "web")
NOTHING = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:"


def page_policy(config: Config) -> str:
    """Scripts only from our own files; pictures and sound also from what the page itself made."""
    media = urlsplit(config.livekit_url)
    secure = media.scheme == "wss"
    hosts = f"{media.scheme}://{media.netloc} {'https' if secure else 'http'}://{media.netloc}"
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            "style-src-attr 'unsafe-inline'",
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            "font-src 'self'",
            f"connect-src 'self' {hosts}",
            "worker-src 'self' blob:",
            "frame-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    )


class SecurityHeaders:
    """Adds what is missing; a handler that set a header of its own keeps it."""

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self.app = app
        self.policy = page_policy(config)
        self.always = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), "
            "screen-wake-lock=(self), geolocation=(), payment=(), usb=()",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Frame-Options": "SAMEORIGIN",
        }
        if config.tls:
            self.always["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        api = scope["path"].startswith("/api/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.always.items():
                    headers.setdefault(name, value)
                if api:
                    headers.setdefault("Cache-Control", "no-store")
                # A report of another installation is a page too, and it may run nothing here.
                if not api or headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault("Content-Security-Policy", NOTHING if api else self.policy)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class RequestLog:
    """Logs method, route template, status and time; never the address with its ids, nor bodies."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self.app = app
        self.measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        finally:
            took = time.perf_counter() - began
            route = scope.get("chibo.route", "web")
            method = scope.get("method", "WS")
            self.measures.request(method, route, status, took)
            if route not in UNLOGGED:
                log.info(
                    "request", method=method, route=route, status=status, ms=round(took * 1000)
                )
