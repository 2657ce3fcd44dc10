"""What control and a worker say to each other: packets on a socket pair, some with a descriptor.

To the worker go connections (with the bytes that were read of them) and rooms to restore; from
it comes one message, that it is ready. The end of either process closes the channel.
"""

from __future__ import annotations

import array
import json
import socket
from dataclasses import asdict, dataclass

CONNECTION, RESTORE = b"c", b"r"
MAX_MESSAGE = 160 << 10  # bytes; a socket pair carries at least this by default


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker's ports are open; `cpu` is the processor time that took, in seconds."""

    pid: int
    cpu: float
    udp_port: int
    tcp_port: int

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Ready:
        return cls(**json.loads(data))


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a channel; both keep message boundaries and do not block."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


def send(channel: socket.socket, kind: bytes, body: bytes, descriptor: int | None = None) -> None:
    """Raises OSError if the other end is gone or does not keep up."""
    if descriptor is None:
        channel.send(kind + body)
    else:
        socket.send_fds(channel, [kind + body], [descriptor])


def receive(channel: socket.socket) -> tuple[bytes, bytes, socket.socket | None]:
    """Kind, body and connection of the next message; the kind is empty at the end.

    Raises BlockingIOError if there is none.
    """
    size = array.array("i").itemsize
    data, control, _, _ = channel.recvmsg(MAX_MESSAGE, socket.CMSG_SPACE(size))
    descriptors = array.array("i")
    for level, kind, content in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % size])
    connection = socket.socket(fileno=descriptors[0]) if descriptors else None
    return data[:1], data[1:], connection
