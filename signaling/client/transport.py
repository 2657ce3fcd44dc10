"""One ICE, DTLS and SRTP connection of the client over one UDP socket.

The client's only module that touches private names of aiortc and pylibsrtp: the handshake and its
keys are aiortc's, while SRTP packets go straight from the socket to the caller."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable
from functools import cache
from typing import cast

import pylibsrtp
from aiortc import RTCCertificate, RTCIceTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from pylibsrtp._binding import ffi, lib

from signaling.client.errors import ConnectionLost
from signaling.client.ice import Address, IceAgent
from signaling.client.sdp import Candidate, LocalTransport

log = logging.getLogger(__name__)

RECEIVE_BUFFER = 4 << 20  # a burst of keyframes from a whole room
DATAGRAMS_PER_WAKE = 64
CONNECT_WITHIN = 10.0

PacketSink = Callable[[bytes, int], None]

# Unlike the monotonic clock it goes on while a laptop sleeps.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_WALL_START = time.time_ns() - time.clock_gettime_ns(_STEADY)


def now_ns() -> int:
    """Wall-clock nanoseconds as of process start, carried on by a clock that never steps."""
    return _WALL_START + time.clock_gettime_ns(_STEADY)


@cache
def _certificate() -> RTCCertificate:
    return RTCCertificate.generateCertificate()


class _DtlsPipe:
    """The few members of an ICE transport that aiortc's DTLS transport calls."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.state = "completed"
        self.role = "controlled"
        self._sink = send
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(256)

    def push(self, data: bytes | None) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # like the network, lose the excess
            self._queue.put_nowait(data)

    async def _recv(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            raise ConnectionError("transport closed")
        return data

    async def _send(self, data: bytes) -> None:
        self._sink(data)


class MediaTransport:
    """`on_rtp` and `on_rtcp` get decrypted packets with their arrival in nanoseconds;
    `on_lost` is called once, with the reason, when an established connection breaks."""

    def __init__(
        self,
        host: str,
        *,
        controlling: bool,
        on_rtp: PacketSink,
        on_rtcp: PacketSink,
        on_lost: Callable[[str], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_rtp, self._on_rtcp, self._on_lost = on_rtp, on_rtcp, on_lost
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        self._loop.add_reader(self._socket, self._readable)
        self._ice = IceAgent(controlling=controlling, now=self._loop.time())
        self._pipe = _DtlsPipe(self._send)
        self._dtls = RTCDtlsTransport(cast(RTCIceTransport, self._pipe), [_certificate()])
        self._selected = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._connected = False
        self._closed = False
        self._heard = False
        self._buffer = bytearray(2048)
        self._view = memoryview(self._buffer)
        self._memory = ffi.from_buffer(self._buffer)
        self._length = ffi.new("int *")
        sha256 = _certificate().getFingerprints()[0]
        self.local = LocalTransport(
            self._ice.ufrag,
            self._ice.password,
            f"{sha256.algorithm} {sha256.value}",
            host,
            self._socket.getsockname()[1],
        )

    def set_remote(self, ufrag: str, password: str, *, lite: bool) -> None:
        if lite:
            self._ice.controlling = True
        self._ice.set_remote(ufrag, password)
        self._tick()

    def add_candidate(self, candidate: Candidate) -> None:
        if candidate.protocol == "udp":
            self._ice.add_candidate((candidate.host, candidate.port))
            self._tick()

    async def connect(self, fingerprint: str, *, dtls_client: bool) -> None:
        """Waits for ICE, then shakes hands. Raises ConnectionLost if either does not succeed."""
        algorithm, _, value = fingerprint.partition(" ")
        self._dtls._set_role("client" if dtls_client else "server")
        remote = RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value)])
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                await self._selected.wait()
                await self._dtls.start(remote)
        except TimeoutError:
            raise ConnectionLost("no media path to the server") from None
        if self._dtls.state != "connected":
            raise ConnectionLost("the DTLS handshake failed")
        self._connected = True
        self._dtls.on("statechange", self._dtls_changed)

    @property
    def connected(self) -> bool:
        return self._connected and not self._closed

    def send_rtp(self, packet: bytes) -> None:
        if self.connected:
            self._send(self._dtls._tx_srtp.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        if self.connected:
            self._send(self._dtls._tx_srtp.protect_rtcp(packet))

    async def close(self) -> None:
        if self._closed:
            return
        with contextlib.suppress(Exception):  # a dead peer must not keep the socket open
            await self._dtls.stop()
        self._closed = True
        self._pipe.push(None)
        if self._timer:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _lost(self, reason: str) -> None:
        if self.connected:
            self._connected = False
            self._on_lost(reason)

    def _dtls_changed(self) -> None:
        if self._dtls.state in ("closed", "failed"):
            self._lost("the server ended the media connection")

    def _tick(self) -> None:
        if self._closed:
            return
        if self._timer:
            self._timer.cancel()
        now = self._loop.time()
        if self._heard:
            self._heard = False
            self._ice.heard(now)
        for data, address in self._ice.poll(now):
            self._send_to(data, address)
        if self._connected and not self._ice.alive(now):
            self._lost("the server stopped answering")
        self._timer = self._loop.call_later(0.5 if self._ice.selected else 0.05, self._tick)

    def _send(self, data: bytes) -> None:
        if self._ice.selected is not None:
            self._send_to(data, self._ice.selected)

    def _send_to(self, data: bytes, address: Address) -> None:
        # A full buffer or an unreachable candidate is loss, which the protocols above expect.
        with contextlib.suppress(OSError):
            self._socket.sendto(data, address)

    def _readable(self) -> None:
        arrival = now_ns()
        for _ in range(DATAGRAMS_PER_WAKE):
            if self._closed:  # a sink may have ended the connection
                return
            try:
                size, address = self._socket.recvfrom_into(self._buffer)
            except OSError:
                break
            if size < 13:
                continue
            first = self._buffer[0]
            if 127 < first < 192:
                self._secured(size, arrival)
            elif 19 < first < 64:
                self._pipe.push(bytes(self._view[:size]))
            elif first < 4:
                self._stun(bytes(self._view[:size]), address[:2])

    def _secured(self, size: int, arrival: int) -> None:
        """Unprotects in place: pylibsrtp's own wrapper copies each packet three times."""
        session: pylibsrtp.Session | None = self._dtls._rx_srtp
        if session is None:
            return
        control = 192 <= self._buffer[1] <= 223
        unprotect = lib.srtp_unprotect_rtcp if control else lib.srtp_unprotect
        self._length[0] = size
        if unprotect(session._srtp[0], self._memory, self._length) != lib.srtp_err_status_ok:
            log.debug("a packet failed authentication or was repeated")
            return
        packet = bytes(self._view[: self._length[0]])
        if control:
            self._on_rtcp(packet, arrival)
        else:
            self._heard = True
            self._on_rtp(packet, arrival)

    def _stun(self, data: bytes, address: Address) -> None:
        for reply, to in self._ice.receive(data, address, self._loop.time()):
            self._send_to(reply, to)
        if self._ice.selected is not None and not self._selected.is_set():
            self._selected.set()
            self._tick()
