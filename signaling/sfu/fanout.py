"""Which of the two media paths this process takes: native where it was built, else Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from signaling import native
from signaling.sfu.codecs import Vp8Descriptor
from signaling.sfu.native import NativeMedia, NativeOutlet, NativeRelay
from signaling.sfu.relay import PythonOutlet, PythonRelay
from signaling.sfu.rtp import Packet
from signaling.sfu.sent import SentLog

SETTING = "CHIBO_MEDIA_NATIVE"  # "0" forces the Python path


class Relay(Protocol):
    """The outgoing side of one incoming stream; its figures are attributes of `state`."""

    @property
    def state(self) -> Any: ...
    def add(self, outlet: Any) -> None: ...
    def remove(self, outlet: Any) -> None: ...
    def restart(self) -> None: ...
    def forward(self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float) -> None: ...
    def skip(self, seq: int) -> None: ...
    def take_levels(self) -> list[int]: ...


class Levels(Protocol):
    """Which temporal layers pass, as `Temporal` does it."""

    wanted: int

    @property
    def shares(self) -> tuple[float, ...]: ...
    def level_for(self, frames: float) -> int: ...


class Outlet(Protocol):
    """One stream as one subscriber gets it; its numbers are attributes of `state`."""

    @property
    def state(self) -> Any: ...
    @property
    def temporal(self) -> Levels: ...
    def configure(
        self,
        payload_type: int,
        passed: list[tuple[int, int]],
        abs_send_time: int,
        transport_cc: int,
    ) -> None: ...
    def repeat_by(self, ssrc: int, payload_type: int, first: int) -> None: ...
    def enter(
        self,
        relay: Any,
        packet: Packet,
        seq: int,
        time_offset: int,
        vp8: Vp8Descriptor | None,
    ) -> None: ...
    def forget(self) -> None: ...
    def forward(self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float) -> None: ...
    def skip(self, seq: int) -> None: ...
    def pad(self, now: float) -> bool: ...
    def kept(self, wire: int) -> int: ...
    def resend(self, wire: int, now: float) -> int | None: ...


def media() -> NativeMedia | None:
    """The native path, None where Python does everything."""
    return None if os.environ.get(SETTING, "1") == "0" else _native()


@cache
def _native() -> NativeMedia | None:
    module = native.load()
    return NativeMedia(module) if module is not None else None


def relay(codec: str, clock_rate: int, size: int) -> Relay:
    found = media()
    if found is None:
        return PythonRelay(codec, clock_rate, size)
    return NativeRelay(found, codec, clock_rate, size)


def outlet(ssrc: int, size: int, send: Callable[[bytes], None], log: SentLog) -> Outlet:
    found = media()
    if found is None:
        return PythonOutlet(ssrc, size, send, log)
    return NativeOutlet(found, ssrc, size, send, log)
