"""All peers on one UDP port and one TCP port: STUN finds the peer, its address then names it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from signaling.sfu import fanout, stun
from signaling.sfu.ice import MAX_ADDRESSES, IceLite, Path
from signaling.sfu.native import NativePort, address_of, sockaddr

log = logging.getLogger(__name__)

BATCH = 64  # datagrams read per wake-up, so that a flood cannot starve signalling
BUFFER = 4 << 20  # bytes of kernel socket buffer asked for
MAX_DATAGRAM = 2048


class UdpPath:
    __slots__ = ("address", "dropped", "sock")

    def __init__(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        self.sock = sock
        self.address = address
        self.dropped = 0

    def send(self, data: bytes | memoryview) -> None:
        try:
            self.sock.sendto(data, self.address)
        except OSError:  # full buffer or unreachable: the receiver's feedback deals with loss
            self.dropped += 1


class Mux:
    """Routes datagrams to peers. Only authenticated checks create or move an address."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_ufrag: dict[str, IceLite] = {}
        self._by_address: dict[object, IceLite] = {}
        self._sock: socket.socket | None = None
        self._admitted: frozenset[str] | None = None
        media = fanout.media()
        self._native = NativePort(media) if media is not None else None

    def bind(self, host: str, port: int, admitted: frozenset[str] | None = None) -> int:
        """Opens the UDP socket and starts reading. Returns the port. Raises OSError.

        If given, only the `admitted` addresses may become a peer's; others get no answer.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        self._sock = sock
        self._admitted = admitted
        native = self._native
        log.info("media is forwarded by %s", "Python" if native is None else "native code")
        drain = self._drain if native is None else lambda: self._drain_native(native)
        asyncio.get_running_loop().add_reader(sock, drain)
        return int(sock.getsockname()[1])

    def new_agent(self) -> IceLite:
        agent = IceLite(self._forget)
        self.listen(agent)
        return agent

    def listen(self, agent: IceLite) -> None:
        """Makes the agent's current credentials known; to be called again after a restart."""
        self._by_ufrag = {u: a for u, a in self._by_ufrag.items() if a is not agent}
        for ufrag in agent.credentials:
            self._by_ufrag[ufrag] = agent

    def _forget(self, agent: IceLite) -> None:
        for ufrag in agent.credentials:
            self._by_ufrag.pop(ufrag, None)
        for address in agent.addresses:
            self._by_address.pop(address, None)
        self._tell_native()

    def _tell_native(self) -> None:
        """After an address has gone: native code learns the remaining ones anew."""
        if self._native is not None:
            self._native.listen(
                {
                    sockaddr(address): agent.native
                    for address, agent in self._by_address.items()
                    if isinstance(address, tuple) and agent.native is not None
                }
            )

    def _drain(self) -> None:
        sock = self._sock
        if sock is None:
            return
        now = self._clock()
        by_address = self._by_address
        for _ in range(BATCH):
            try:
                data, address = sock.recvfrom(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error of an earlier send surfaces here
                continue
            if data:
                agent = by_address.get(address)
                if agent is not None and 127 < data[0] < 192:
                    if agent.on_media is not None:
                        agent.on_media(data, now)
                else:
                    self._on_datagram(sock, data, address, now)

    def _drain_native(self, native: NativePort) -> None:
        sock = self._sock
        if sock is not None:
            now = self._clock()
            native.receive(
                sock.fileno(),
                now,
                lambda data, address: self._on_datagram(sock, data, address_of(address), now),
            )

    def _on_datagram(
        self, sock: socket.socket, data: bytes, address: tuple[Any, ...], now: float
    ) -> None:
        """Anything but media: checks from anybody, DTLS records from those we know."""
        if data[0] < 4:
            self.on_check(data, address, now, UdpPath(sock, address), address[0], address[1])
        elif 19 < data[0] < 64 and (agent := self._by_address.get(address)) is not None:
            agent.on_record(data)

    def on_check(
        self, data: bytes, key: object, now: float, path: Path, host: str, port: int
    ) -> IceLite | None:
        """Answers a STUN check over `path`; returns the agent it belongs to, if authentic."""
        if self._admitted is not None and host not in self._admitted:
            return None
        request = stun.parse(data)
        agent = self._by_ufrag.get(request.local_ufrag) if request else None
        if request is None or agent is None:
            return None
        password = agent.credentials[request.local_ufrag]
        if not request.is_signed_by(password):
            return None
        owner = self._by_address.get(key)
        if owner is not agent:
            if owner is not None:
                owner.addresses.remove(key)
            self._by_address[key] = agent
            agent.addresses.append(key)
            if len(agent.addresses) > MAX_ADDRESSES:
                self._by_address.pop(agent.addresses.pop(0), None)
            self._tell_native()
        known = agent.path
        if isinstance(known, UdpPath) and isinstance(path, UdpPath) and known.address == key:
            path = known
        agent.checked(request.local_ufrag, path, request.nominates, now)
        path.send(stun.success(request, host, port, password))
        return agent

    def drop(self, key: object) -> None:
        """Forgets one address, when its TCP connection has closed."""
        agent = self._by_address.pop(key, None)
        if agent is not None and key in agent.addresses:
            agent.addresses.remove(key)
        self._tell_native()

    def close(self) -> None:
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        for agent in set(self._by_ufrag.values()):
            agent.close()
