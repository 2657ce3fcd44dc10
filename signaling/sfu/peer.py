"""One client transport: DTLS, SRTP and data channels over an ICE-lite agent.

The only file that touches private names of aiortc and pylibsrtp; `CONTRACT` lists them all and a
test holds each new version to it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

from aiortc import RTCCertificate, RTCDataChannel, RTCDataChannelParameters, RTCDtlsTransport
from aiortc import RTCDtlsFingerprint as Fingerprint
from aiortc import RTCDtlsParameters as DtlsParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport
from pylibsrtp import Session, _binding

from signaling.sfu import fanout
from signaling.sfu.ice import Path
from signaling.sfu.mux import Mux, UdpPath
from signaling.sfu.native import NativeMedia, NativeTransport, sockaddr

log = logging.getLogger(__name__)

CONTRACT = {
    "aiortc.RTCDtlsTransport": ("_rx_srtp", "_tx_srtp", "_set_role", "_register_data_receiver"),
    "aiortc.rtcsctptransport.RTCSctpTransport": ("start", "stop"),
    "pylibsrtp.Session": ("_srtp",),
    "pylibsrtp._binding.lib": (
        "srtp_protect",
        "srtp_unprotect",
        "srtp_protect_rtcp",
        "srtp_unprotect_rtcp",
        "srtp_err_status_ok",
    ),
}

CONNECT_TIMEOUT = 30.0  # seconds for ICE and DTLS together
CERTIFICATE_LIFE = 7 * 86400  # seconds; aiortc's certificates are good for thirty days
MAX_PACKET = 1500
TRAILER = 144  # bytes libsrtp may append: tag and master key identifier
MAX_BUFFERED = 4 << 20  # bytes queued in one data channel before messages are dropped
LOSSY_BUFFERED = 64 << 10

_ffi: Any = _binding.ffi
_lib: Any = _binding.lib
_OK = _lib.srtp_err_status_ok
# One scratch buffer serves all peers: libsrtp works in place and we run on one thread.
_cdata = _ffi.new("unsigned char[]", MAX_PACKET + 2 * TRAILER)
_view = memoryview(_ffi.buffer(_cdata))
_length = _ffi.new("int *")

_certificate: tuple[float, RTCCertificate] | None = None


def certificate() -> RTCCertificate:
    """The certificate of this process, renewed weekly for new transports."""
    global _certificate
    now = time.time()
    if _certificate is None or now - _certificate[0] > CERTIFICATE_LIFE:
        _certificate = (now, RTCCertificate.generateCertificate())
    return _certificate[1]


def _native() -> NativeMedia | None:
    """The native path, told which libsrtp made the sessions."""
    media = fanout.media()
    if media is not None:
        names = ("srtp_protect", "srtp_unprotect", "srtp_unprotect_rtcp")
        media.use_srtp(*(_address(_ffi.addressof(_lib, name)) for name in names))
    return media


def _address(pointer: Any) -> int:
    return int(_ffi.cast("uintptr_t", pointer))


class Peer:
    """One transport to one client. Callbacks run on the event loop and must not block.

    `on_rtp` and `on_rtcp` get decrypted packets, `on_message` (channel label, bytes);
    `on_connected` and `on_closed` are called at most once each. On the native path `on_rtp` gets
    only what `native` leaves to Python, and `send_rtp` is a way that native outlets take.
    """

    def __init__(self, mux: Mux) -> None:
        self._mux = mux
        self.ice = mux.new_agent()
        self._certificate = certificate()
        self._dtls = RTCDtlsTransport(self.ice, [self._certificate])  # type: ignore[arg-type]
        self._sctp: RTCSctpTransport | None = None
        self._channels: dict[str, RTCDataChannel] = {}
        self._wanted_channels: tuple[str, ...] = ()
        self._sessions: tuple[Session, ...] = ()
        self._rx: Any = None
        self._tx: Any = None
        self._task: asyncio.Task[None] | None = None
        self._data_task: asyncio.Task[None] | None = None
        self.connected = False
        self.closed = False
        self.on_rtp: Callable[[bytes, float], None] = lambda data, now: None
        self.on_rtcp: Callable[[bytes, float], None] = lambda data, now: None
        self.on_message: Callable[[str, bytes], None] = lambda label, data: None
        self.on_connected: Callable[[], None] = lambda: None
        self.on_closed: Callable[[], None] = lambda: None
        self.ssrc = secrets.randbits(32)
        self.failures = 0
        self._sent_bytes = self._rejected = 0
        self.send_rtp: Callable[[bytes], None] = self._send_rtp
        self.native: NativeTransport | None = None
        media = _native()
        if media is not None:
            self.native = self.ice.native = NativeTransport(media, self._send_rtp, self._send_raw)
            self.native.on_rtp = self._on_plain_rtp
            self.native.on_rtcp = self._on_plain_rtcp
            self.send_rtp = self.native
            self.ice.on_path = self._on_path

    @property
    def sent_bytes(self) -> int:
        return self._sent_bytes + (self.native.state.sent_bytes if self.native else 0)

    @property
    def rejected(self) -> int:
        """Packets that were forged or replayed."""
        return self._rejected + (self.native.state.rejected if self.native else 0)

    @property
    def fingerprint(self) -> tuple[str, str]:
        for item in self._certificate.getFingerprints():
            if item.algorithm == "sha-256":
                return item.algorithm, item.value
        raise AssertionError("aiortc always computes sha-256")

    @property
    def started(self) -> bool:
        return self._task is not None

    def restart_ice(self) -> None:
        self.ice.restart()
        self._mux.listen(self.ice)

    def start(
        self, fingerprints: list[tuple[str, str]], client: bool, channels: tuple[str, ...] = ()
    ) -> None:
        """Begins DTLS as soon as ICE knows an address; `client` says that we send first.

        `channels` are data channels to open from our side, as the server does in dual mode.
        """
        if self._task is None:
            self._wanted_channels = channels
            self._dtls._set_role("client" if client else "server")
            parameters = DtlsParameters([Fingerprint(a, v) for a, v in fingerprints])
            self._task = asyncio.create_task(self._connect(parameters))

    async def _connect(self, parameters: DtlsParameters) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self.ice.reachable.wait()
                await self._dtls.start(parameters)
        except (TimeoutError, ConnectionError, ValueError):
            pass
        if self._dtls.state != "connected":
            self._fail()
            return
        self._dtls.on("statechange", self._on_dtls_state)
        self.begin(self._dtls._rx_srtp, self._dtls._tx_srtp)

    def begin(self, rx: Session, tx: Session) -> None:
        """Media may flow, under these SRTP sessions."""
        self._sessions = (rx, tx)
        self._rx, self._tx = rx._srtp[0], tx._srtp[0]
        self.ice.on_media = self._on_media
        if self.native is not None:
            self.native.open(_address(self._tx), _address(self._rx))
            self.ice.on_media = self.native.ingest
        self.connected = True
        if self._sctp is not None:
            self._data_task = asyncio.create_task(self._start_data())
        self.on_connected()

    def _on_dtls_state(self) -> None:
        if self._dtls.state in ("closed", "failed"):
            self._fail()

    def _on_path(self, path: Path) -> None:
        if self.native is not None:
            if isinstance(path, UdpPath):
                self.native.route(path.sock.fileno(), sockaddr(path.address))
            else:
                self.native.route(-1, b"")

    def _fail(self) -> None:
        self.connected = False
        if self.native is not None:
            self.native.close()
        if self.closed:
            return
        self.closed = True
        if self._sctp is not None:  # else its timers go on sending into a closed transport
            self._data_task = asyncio.create_task(self._sctp.stop())
        self.on_closed()

    def enable_data(self) -> None:
        """To be called when the description has an application section."""
        if self._sctp is None:
            self._sctp = RTCSctpTransport(self._dtls)
            self._sctp.on("datachannel", self._on_channel)
            if self.connected:
                self._data_task = asyncio.create_task(self._start_data())

    async def _start_data(self) -> None:
        sctp = self._sctp
        if sctp is None:
            return
        try:
            await sctp.start(RTCSctpCapabilities(maxMessageSize=65536), 5000)
        except ConnectionError:
            return
        for label in self._wanted_channels:
            lossy = label == "_lossy"
            self._on_channel(
                RTCDataChannel(
                    sctp,
                    RTCDataChannelParameters(
                        label=label, ordered=not lossy, maxRetransmits=0 if lossy else None
                    ),
                )
            )

    def _on_channel(self, channel: RTCDataChannel) -> None:
        label = channel.label
        if len(self._channels) >= 16:
            return
        self._channels[label] = channel
        channel.on("message", lambda data: self._on_channel_message(label, data))

    def _on_channel_message(self, label: str, data: bytes | str) -> None:
        if isinstance(data, bytes):
            self.on_message(label, data)

    def send_message(self, label: str, data: bytes) -> bool:
        """Queues a message on a data channel. Returns False if it is closed or too far behind."""
        channel = self._channels.get(label)
        if channel is None or channel.readyState != "open" or not self.connected:
            return False
        limit = LOSSY_BUFFERED if label == "_lossy" else MAX_BUFFERED
        if channel.bufferedAmount + len(data) > limit:
            return False
        channel.send(data)
        return True

    def _on_media(self, data: bytes, now: float) -> None:
        size = len(data)
        if size < 12 or size > MAX_PACKET:
            return
        _view[:size] = data
        _length[0] = size
        is_rtcp = 64 <= data[1] & 0x7F < 96  # RFC 5761 §4
        unprotect = _lib.srtp_unprotect_rtcp if is_rtcp else _lib.srtp_unprotect
        if unprotect(self._rx, _cdata, _length) != _OK:
            self._rejected += 1
            return
        plain = bytes(_view[: _length[0]])
        (self._on_plain_rtcp if is_rtcp else self._on_plain_rtp)(plain, now)

    def _on_plain_rtp(self, data: bytes, now: float) -> None:
        try:
            self.on_rtp(data, now)
        except Exception:
            self._note_failure()

    def _on_plain_rtcp(self, data: bytes, now: float) -> None:
        try:
            self.on_rtcp(data, now)
        except Exception:
            self._note_failure()

    def _note_failure(self) -> None:
        self.failures += 1
        if self.failures == 1:  # a client must not fill the log with one bug
            log.exception("a media packet could not be handled")

    def _send_raw(self, data: bytes) -> None:
        """Sends what is protected already by the path in use."""
        if self.ice.path is not None:
            self.ice.path.send(data)

    def _send_rtp(self, packet: bytes) -> None:
        path = self.ice.path
        size = len(packet)
        if not self.connected or path is None or size > MAX_PACKET:
            return
        _view[:size] = packet
        _length[0] = size
        if _lib.srtp_protect(self._tx, _cdata, _length) == _OK:
            size = _length[0]
            self._sent_bytes += size
            path.send(_view[:size])

    def send_rtcp(self, packet: bytes) -> None:
        path = self.ice.path
        size = len(packet)
        if not self.connected or path is None or size > MAX_PACKET:
            return
        _view[:size] = packet
        _length[0] = size
        if _lib.srtp_protect_rtcp(self._tx, _cdata, _length) == _OK:
            path.send(_view[: _length[0]])

    async def close(self) -> None:
        """Says goodbye over DTLS and frees everything. Safe to call twice."""
        self.closed = True
        self.connected = False
        self.ice.on_media = None
        if self.native is not None:
            self.native.close()
        if self._data_task is not None:
            self._data_task.cancel()
        if self._sctp is not None:
            await self._sctp.stop()
        await self._dtls.stop()
        if self._task is not None:
            self._task.cancel()
        self.ice.close()
