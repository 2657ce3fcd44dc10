"""The native media path as Python sees it: sockets, transports, relays and outlets in C.

Same interfaces and same bytes as signaling/sfu/relay.py.
"""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from weakref import WeakValueDictionary

from signaling.sfu.codecs import Vp8Descriptor
from signaling.sfu.relay import HEAD, KEEP, MAX_PASSED
from signaling.sfu.rtp import Packet
from signaling.sfu.sent import OVERHEAD, SIZE, SentLog
from signaling.sfu.temporal import ALL, level_for

Plain = Callable[[bytes, float], None]


class NativeMedia:
    """The queue of outgoing packets; one for the process, because libsrtp works in its buffers."""

    def __init__(self, module: ModuleType) -> None:
        self.ffi: Any = module.ffi
        self.lib: Any = module.lib
        self.handle = self.ffi.gc(self.lib.media_new(), self.lib.media_free)
        self.transports: WeakValueDictionary[int, NativeTransport] = WeakValueDictionary()
        self.batching = False
        self._next = 0
        self._item = self.ffi.new("item_t *")
        self._count = self.ffi.new("int *")
        self._data = self.ffi.new("uint8_t **")

    def use_srtp(self, protect: int, unprotect: int, unprotect_rtcp: int) -> None:
        """Addresses of libsrtp's functions, from the library that makes the sessions."""
        pointers = (self.ffi.cast("void *", p) for p in (protect, unprotect, unprotect_rtcp))
        self.lib.media_use_srtp(self.handle, *pointers)

    def number(self, transport: NativeTransport) -> int:
        self._next += 1
        self.transports[self._next] = transport
        return self._next

    def settle(self) -> None:
        """After something may have been queued: sends it, unless a batch is under way."""
        if not self.batching:
            self.flush()

    def flush(self) -> None:
        """Sends what is queued; what cannot leave by a datagram goes to its transport's `hand`."""
        while self.lib.media_flush(self.handle):
            pending = list(self._handed())
            self.lib.media_handed_clear(self.handle)
            for transport, data in pending:
                if transport is not None:
                    transport.hand(data)

    def _handed(self) -> Iterator[tuple[NativeTransport | None, bytes]]:
        index = 0
        while True:
            size = self.lib.media_handed(self.handle, index, self._count, self._data)
            if size < 0:
                return
            transport = self.transports.get(self._count[0])
            yield transport, bytes(self.ffi.buffer(self._data[0], size))
            index += 1

    def forward(
        self, relay: NativeRelay, outlet: Any, packet: Packet, seq: int, now: float
    ) -> None:
        """A packet that Python has looked at, to one outlet or (NULL) to all of the relay."""
        extensions = b"".join(
            bytes((number, len(value))) + value
            for number, value in packet.extensions.items()
            if number and value
        )
        payload = packet.payload
        self.lib.media_forward(
            self.handle,
            relay.state,
            outlet,
            seq,
            packet.marker,
            packet.timestamp,
            extensions,
            len(extensions),
            payload,
            len(payload),
            now,
        )
        self.settle()

    def ingest(self, transport: NativeTransport, data: bytes, now: float) -> None:
        item = self._item
        if self.lib.media_ingest(self.handle, transport.state, data, len(data), now, item):
            transport.take(item.kind, bytes(self.ffi.buffer(item.data, item.size)), now)
        self.settle()


class NativeTransport:
    """One client's transport: calling it sends one packet made by Python.

    `hand` sends what C cannot, already protected; `on_rtp` and `on_rtcp` get plain text. Until
    `open` it takes and sends nothing. A plain one has no encryption and is for tests.
    """

    def __init__(
        self,
        media: NativeMedia,
        send: Callable[[bytes], None],
        hand: Callable[[bytes], None],
        plain: bool = False,
    ) -> None:
        self.media = media
        self.send = send
        self.hand = hand
        self.state = media.ffi.new("transport_t *")
        self.state.id = media.number(self)
        self.state.plain = self.state.open = int(plain)
        self.state.socket = -1
        self.on_rtp: Plain = lambda data, now: None
        self.on_rtcp: Plain = lambda data, now: None
        self._streams: Any = None
        self._relays: list[Any] = []

    def __call__(self, packet: bytes) -> None:
        self.send(packet)

    def ingest(self, data: bytes, now: float) -> None:
        """One media packet that came by other ways than the port."""
        self.media.ingest(self, data, now)

    def open(self, tx: int, rx: int) -> None:
        """Begins with libsrtp's sessions, given by address; their owner keeps them alive."""
        cast = self.media.ffi.cast
        self.state.tx, self.state.rx = cast("void *", tx), cast("void *", rx)
        self.state.open = 1

    def close(self) -> None:
        self.state.open = 0

    def route(self, fd: int, address: bytes) -> None:
        """Sends datagrams to `address` from socket `fd`; an empty address means by `hand`."""
        self.media.ffi.memmove(self.state.address, address, len(address))
        self.state.socket, self.state.address_size = fd, len(address)

    def take(self, kind: int, data: bytes, now: float) -> None:
        (self.on_rtcp if kind == self.media.lib.RTCP else self.on_rtp)(data, now)

    def expect(self, streams: list[tuple[int, int, Any]], transport_cc: int, level: int) -> None:
        """Streams by (SSRC, payload type, NativeRelay) that may be handled without Python."""
        self._relays = [relay for _, _, relay in streams]
        self.state.stream_count = 0
        self._streams = self.media.ffi.new("stream_t[]", len(streams) or 1)
        for index, (ssrc, payload_type, relay) in enumerate(streams):
            stream = self._streams[index]
            stream.ssrc, stream.payload_type, stream.relay = ssrc, payload_type, relay.state
        self.state.streams, self.state.stream_count = self._streams, len(streams)
        self.state.transport_cc, self.state.level = transport_cc & 0xFF, level & 0xFF

    def take_arrivals(self) -> tuple[int, list[tuple[int, float]]]:
        """The SSRC last heard and the (transport-wide number, time) of what C has received."""
        state, unpack = self.state, self.media.ffi.unpack
        count = state.arrival_count
        numbers, times = unpack(state.arrival_numbers, count), unpack(state.arrival_times, count)
        found = list(zip(numbers, times, strict=True))
        state.arrival_count = 0
        return state.last_ssrc, found


class NativePort:
    """The addresses known on one UDP socket, and reading from it."""

    def __init__(self, media: NativeMedia) -> None:
        self._media = media
        self._lib = media.lib
        self._ffi = media.ffi
        self._handle = media.ffi.gc(media.lib.port_new(secrets.randbits(64)), media.lib.port_free)
        self._items = media.ffi.new("item_t[]", media.lib.BATCH)
        self._count = media.ffi.new("int *")

    def listen(self, addresses: dict[bytes, NativeTransport]) -> None:
        """Replaces all known addresses; the caller keeps the transports alive."""
        self._lib.port_clear(self._handle)
        for address, transport in addresses.items():
            self._lib.port_listen(self._handle, address, len(address), transport.state)

    def add(self, address: bytes, transport: NativeTransport) -> None:
        self._lib.port_listen(self._handle, address, len(address), transport.state)

    def receive(self, fd: int, now: float, datagram: Callable[[bytes, bytes], None]) -> None:
        """Reads a batch; `datagram(data, address)` gets what is not media. Sends what resulted."""
        media, items = self._media, self._items
        count = self._lib.media_receive(media.handle, self._handle, fd, now, items, self._count)
        media.batching = True
        try:
            for index in range(count):
                item = items[index]
                data = bytes(self._ffi.buffer(item.data, item.size))
                if item.kind == self._lib.DATAGRAM:
                    datagram(data, bytes(self._ffi.buffer(item.address, item.address_size)))
                elif (transport := media.transports.get(item.transport)) is not None:
                    transport.take(item.kind, data, now)
        finally:
            media.batching = False
            media.flush()


class NativeRelay:
    """The outgoing side of one incoming stream, and its figures."""

    def __init__(self, media: NativeMedia, codec: str, clock_rate: int, size: int) -> None:
        self._media = media
        self._lib = media.lib
        ffi = media.ffi
        self._ring = ffi.new("kept_t[]", size)
        self._outlets: list[NativeOutlet] = []
        self._pointers: Any = ffi.NULL
        state = ffi.new("relay_t *")
        state.codec = self._lib.VP8 if codec == "vp8" else self._lib.OPAQUE
        state.clock_rate = clock_rate
        state.highest = state.first = 1 << 16
        state.last_packet = state.window = -1.0
        state.mask, state.ring, state.keep = size - 1, self._ring, KEEP
        # What is kept was allocated by C; the ring has to outlive the state for this.
        ring, restart = self._ring, self._lib.relay_restart

        def free(relay: Any, ring: Any = ring) -> None:
            restart(relay)

        self.state = ffi.gc(state, free)

    def add(self, outlet: NativeOutlet) -> None:
        self._set([*self._outlets, outlet])

    def remove(self, outlet: NativeOutlet) -> None:
        self._set([other for other in self._outlets if other is not outlet])

    def _set(self, outlets: list[NativeOutlet]) -> None:
        pointers = self._media.ffi.new("outlet_t *[]", [outlet.state for outlet in outlets])
        self.state.outlet_count = 0
        self.state.outlets = pointers
        self._pointers, self._outlets = pointers, outlets
        self.state.outlet_count = len(outlets)

    def restart(self) -> None:
        self._lib.relay_restart(self.state)

    def forward(self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float) -> None:
        self._media.forward(self, self._media.ffi.NULL, packet, seq, now)

    def skip(self, seq: int) -> None:
        self._lib.relay_skip(self.state, seq)

    def take_levels(self) -> list[int]:
        """Audio levels of what C has received since the last call."""
        state = self.state
        found = list(self._media.ffi.unpack(state.levels, state.level_count))
        state.level_count = 0
        return found


class NativeTemporal:
    """Which temporal layers pass, as `Temporal` does it."""

    def __init__(self, ffi: Any, state: Any) -> None:
        self._unpack = ffi.unpack  # several times quicker than slicing
        self._state = state
        state.wanted = state.now = ALL
        state.levels, state.shares[0], state.began = 1, 1.0, -1.0

    @property
    def wanted(self) -> int:
        return int(self._state.wanted)

    @wanted.setter
    def wanted(self, level: int) -> None:
        self._state.wanted = level

    @property
    def shares(self) -> tuple[float, ...]:
        return tuple(self._unpack(self._state.shares, self._state.levels))

    def level_for(self, frames: float) -> int:
        state = self._state
        rates = self._unpack(state.rates, state.levels) if state.rates_known else ()
        return level_for(rates, frames)


class NativeOutlet:
    """One stream as one subscriber gets it; `temporal` leaves frames out."""

    def __init__(
        self,
        media: NativeMedia,
        ssrc: int,
        size: int,
        send: Callable[[bytes], None],
        log: SentLog,
    ) -> None:
        self._media = media
        self._lib = media.lib
        self._relay: NativeRelay | None = None
        self._relays: list[NativeRelay] = []
        ffi = media.ffi
        # Anything but a transport of ours takes plain packets.
        to = send if isinstance(send, NativeTransport) else NativeTransport(media, send, send, True)
        self._to = to
        self._ring = ffi.new("sent_t[]", size)
        self._log = [
            ffi.from_buffer(kind, memory)
            for kind, memory in (
                ("uint64_t[]", log.counter),
                ("double[]", log.times),
                ("uint32_t[]", log.sizes),
            )
        ]
        state = self.state = ffi.new("outlet_t *")
        state.to, state.ssrc, state.ring, state.mask = to.state, ssrc, self._ring, size - 1
        state.log_counter, state.log_times, state.log_sizes = self._log
        state.log_mask, state.log_overhead = SIZE - 1, HEAD + OVERHEAD
        state.highest = state.last_seq = -1
        state.last_picture = state.last_tl0 = -1
        state.pictures.count = 1
        self.temporal = NativeTemporal(ffi, ffi.addressof(state, "temporal"))

    def configure(
        self,
        payload_type: int,
        passed: list[tuple[int, int]],
        abs_send_time: int,
        transport_cc: int,
    ) -> None:
        state = self.state
        state.payload_type = payload_type
        state.abs_send_time, state.transport_cc = abs_send_time, transport_cc
        state.passed_count = 0
        for index, (number, own) in enumerate(passed[:MAX_PASSED]):
            state.passed[index].number, state.passed[index].own = number, own
            state.passed_count = index + 1

    def repeat_by(self, ssrc: int, payload_type: int, first: int) -> None:
        state = self.state
        state.rtx_ssrc, state.rtx_payload_type, state.rtx_seq = ssrc, payload_type, first

    def enter(
        self,
        relay: NativeRelay,
        packet: Packet,
        seq: int,
        time_offset: int,
        vp8: Vp8Descriptor | None,
    ) -> None:
        if relay not in self._relays:
            self._relays.append(relay)  # C goes on pointing to it
        self._relay = relay
        payload = packet.payload
        self._lib.outlet_enter(self.state, relay.state, seq, time_offset, payload, len(payload))

    def forget(self) -> None:
        self._lib.outlet_forget(self.state)

    def forward(self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float) -> None:
        if self._relay is not None:
            self._media.forward(self._relay, self.state, packet, seq, now)

    def skip(self, seq: int) -> None:
        self._lib.outlet_skip(self.state, seq)

    def pad(self, now: float) -> bool:
        sent = self._lib.media_pad(self._media.handle, self.state, now)
        self._media.settle()
        return bool(sent)

    def kept(self, wire: int) -> int:
        return int(self._lib.outlet_kept(self.state, wire))

    def resend(self, wire: int, now: float) -> int | None:
        number = self._lib.media_resend(self._media.handle, self.state, wire, now)
        self._media.settle()
        return int(number) if number >= -1 else None


def sockaddr(address: tuple[Any, ...]) -> bytes:
    """An address of Python's sockets as in C: 8 bytes of sockaddr_in, 28 of sockaddr_in6."""
    host, port = address[:2]
    if len(address) == 2:
        packed = socket.inet_pton(socket.AF_INET, host)
        return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + packed
    flow, scope = address[2:]
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return (
        struct.pack("=H", socket.AF_INET6)
        + struct.pack("!HI", port, flow)
        + packed
        + struct.pack("=I", scope)
    )


def address_of(data: bytes) -> tuple[Any, ...]:
    """The reverse of `sockaddr`, as recvfrom would give it."""
    (port,) = struct.unpack_from("!H", data, 2)
    if len(data) == 8:
        return socket.inet_ntop(socket.AF_INET, data[4:]), port
    (flow,) = struct.unpack_from("!I", data, 4)
    (scope,) = struct.unpack_from("=I", data, 24)
    return socket.inet_ntop(socket.AF_INET6, data[8:24]), port, flow, scope
