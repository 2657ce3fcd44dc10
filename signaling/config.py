"""Settings of the media engine: read once from the environment, checked as a whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from signaling.errors import LocalError

VIDEO_CODECS = ("vp8", "h264", "vp9", "av1")
MAX_WORKERS = 64
SHARES_ROOMS = sys.platform == "linux"  # elsewhere the kernel does not end orphans
MIN_SECRET = 32  # bytes: an HS256 key shorter than its hash is weaker than the hash


@dataclass(frozen=True, slots=True)
class MediaConfig:
    """One engine process. Ports may be 0 (any free one), durations are seconds.

    `node_ips` are the addresses put into ICE candidates; empty means `host` (`sfu.addresses`).
    `auto_create` makes rooms at the first join, as LiveKit does by default.
    `workers` processes share the rooms; each has the media ports `udp_port` and `tcp_port` plus
    its index. `listen_fds` are signalling sockets that whoever started us has opened.
    """

    api_key: str
    api_secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 7880
    udp_port: int = 7882
    tcp_port: int = 7881
    node_ips: tuple[str, ...] = ()
    tls_cert: str = ""
    tls_key: str = ""
    turn_urls: tuple[str, ...] = ()
    turn_secret: str = field(default="", repr=False)
    video_codecs: tuple[str, ...] = ("vp8",)
    auto_create: bool = True
    allow_encrypted_tracks: bool = False
    empty_timeout: int = 300
    departure_timeout: int = 20
    resume_grace: float = 15.0
    max_participants: int = 0
    workers: int = 1
    listen_fds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        problems = []
        if not self.api_key:
            problems.append("LIVEKIT_API_KEY is empty")
        if len(self.api_secret) < MIN_SECRET:
            problems.append(f"LIVEKIT_API_SECRET must have at least {MIN_SECRET} characters")
        if bool(self.tls_cert) != bool(self.tls_key):
            problems.append("CHIBO_MEDIA_TLS_CERT and CHIBO_MEDIA_TLS_KEY go together")
        if bool(self.turn_urls) != bool(self.turn_secret):
            problems.append("CHIBO_MEDIA_TURN_URLS and CHIBO_MEDIA_TURN_SECRET go together")
        if wrong := [url for url in self.turn_urls if not url.startswith(("turn:", "turns:"))]:
            problems.append(f"CHIBO_MEDIA_TURN_URLS: not turn: or turns: {', '.join(wrong)}")
        if unknown := set(self.video_codecs) - set(VIDEO_CODECS):
            problems.append(f"CHIBO_MEDIA_CODECS: unknown {', '.join(sorted(unknown))}")
        if not 1 <= self.workers <= MAX_WORKERS:
            problems.append(f"CHIBO_MEDIA_WORKERS must be from 1 to {MAX_WORKERS}")
        if self.workers > 1 and not SHARES_ROOMS:
            problems.append("CHIBO_MEDIA_WORKERS: more than one needs Linux")
        for name, port, last in (
            ("port", self.port, self.port),
            ("udp", self.udp_port, self.udp_port + self.workers - 1),
            ("tcp", self.tcp_port, self.tcp_port + self.workers - 1),
        ):
            if not 0 <= port <= last < 65536:
                problems.append(f"{name} port {port} is out of range")
        if problems:
            raise LocalError("; ".join(problems))

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> MediaConfig:
        """Reads LIVEKIT_API_* and CHIBO_MEDIA_*; raises LocalError naming every problem."""
        return cls(
            api_key=env.get("LIVEKIT_API_KEY", ""),
            api_secret=_secret(env, "LIVEKIT_API_SECRET"),
            host=env.get("CHIBO_MEDIA_HOST", "127.0.0.1"),
            port=_port(env, "CHIBO_MEDIA_PORT", 7880),
            udp_port=_port(env, "CHIBO_MEDIA_UDP_PORT", 7882),
            tcp_port=_port(env, "CHIBO_MEDIA_TCP_PORT", 7881),
            node_ips=_words(env.get("CHIBO_MEDIA_NODE_IP", "")),
            tls_cert=env.get("CHIBO_MEDIA_TLS_CERT", ""),
            tls_key=env.get("CHIBO_MEDIA_TLS_KEY", ""),
            turn_urls=_words(env.get("CHIBO_MEDIA_TURN_URLS", "")),
            turn_secret=_secret(env, "CHIBO_MEDIA_TURN_SECRET"),
            video_codecs=_words(env.get("CHIBO_MEDIA_CODECS", "vp8").lower()),
            workers=_number(env, "CHIBO_MEDIA_WORKERS", default_workers()),
            listen_fds=tuple(
                _decimal("CHIBO_MEDIA_FDS", word) for word in _words(env.get("CHIBO_MEDIA_FDS", ""))
            ),
        )


def _secret(env: Mapping[str, str], name: str) -> str:
    """The value itself, or what the file says that NAME_FILE names."""
    file = env.get(f"{name}_FILE")
    if not file:
        return env.get(name, "")
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise LocalError(f"{name}_FILE: cannot read {file} ({error.strerror})") from None


def default_workers() -> int:
    """One for each processor that this process may use."""
    return min(len(os.sched_getaffinity(0)), MAX_WORKERS) if SHARES_ROOMS else 1


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    return _decimal(name, text) if text else default


def _decimal(name: str, text: str) -> int:
    if not text.isdecimal():
        raise LocalError(f"{name} is not a number: {text!r}")
    return int(text)


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise LocalError(f"{name} is not a port number: {text!r}")
    return int(text)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
