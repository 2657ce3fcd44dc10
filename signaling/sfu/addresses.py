"""Which addresses the media ports listen on, admit and announce."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass

HOST_UDP, HOST_TCP = 126, 90  # ICE type preferences: TCP only where UDP does not pass


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where to bind UDP, what ICE candidates name, and from where checks are taken.

    TCP listens, and is announced, only on the configured host: `udp_only` lists the others.
    `admitted` is None when anybody may come. Otherwise it is this machine's own addresses: nobody
    outside can send from one of them, for the kernel drops arriving packets that claim to come
    from itself (RFC 1812 §5.3.7).
    """

    udp_host: str
    announced: tuple[str, ...]
    udp_only: tuple[str, ...] = ()
    admitted: frozenset[str] | None = None

    def candidates(self, udp_port: int, tcp_port: int) -> list[str]:
        """Host candidates for every address: UDP first, passive TCP as the fallback."""
        lines: list[str] = []
        for index, address in enumerate((*self.announced, *self.udp_only)):
            low = 65535 - index << 8 | 255
            udp = f"1 udp {HOST_UDP << 24 | low} {address} {udp_port} typ host"
            lines.append(f"{len(lines)} {udp}")
            if address in self.announced:
                tcp = f"1 tcp {HOST_TCP << 24 | low} {address} {tcp_port} typ host"
                lines.append(f"{len(lines)} {tcp} tcptype passive")
        return lines


def plan(host: str, node_ips: tuple[str, ...]) -> Addresses:
    """What to do for an engine told to listen on `host` and to announce `node_ips` (or `host`).

    An engine for this machine alone also announces the machine's address in its network, because
    Firefox sends no media to loopback addresses. Raises OSError for a name that does not resolve.
    """
    if not node_ips and _is_loopback(host):
        own = tuple(_own(6 if ":" in host else 4))
        if own:
            wildcard = "::" if ":" in host else "0.0.0.0"
            return Addresses(wildcard, (host,), own, frozenset((host, *own)))
    announced = tuple(dict.fromkeys(a for text in node_ips or (host,) for a in _resolve(text)))
    return Addresses(host, announced)


def _is_loopback(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(text).is_loopback
    return False


def _resolve(text: str) -> list[str]:
    """The address itself; for a wildcard, the addresses of the default routes."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return [str(info[4][0]) for info in socket.getaddrinfo(text, None, type=socket.SOCK_DGRAM)]
    if not address.is_unspecified:
        return [str(address)]
    versions = (6, 4) if address.version == 6 else (4,)
    return [*(own for version in versions for own in _own(version)), "127.0.0.1"]


def _own(version: int) -> Iterator[str]:
    """This machine's address on its default route, if it has one."""
    family, target = (
        (socket.AF_INET6, "2001:db8::1") if version == 6 else (socket.AF_INET, "192.0.2.1")
    )
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((target, 9))  # chooses the route, sends nothing
        yield str(probe.getsockname()[0])
