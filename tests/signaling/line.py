"""Clients of a media port with real sockets and real SRTP, whose keys are agreed by hand."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from pylibsrtp import Policy, Session

from signaling.sfu import stun
from signaling.sfu.mux import Mux
from signaling.sfu.peer import Peer

PROFILE = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
KEY_SIZE = 28  # bytes of key and salt


def session(key: bytes, kind: int) -> Session:
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=PROFILE)
    policy.window_size = 1024
    policy.allow_repeat_tx = kind == Policy.SSRC_ANY_OUTBOUND
    return Session(policy)


class Member:
    """One client: its socket, its keys, and the engine's peer for it."""

    def __init__(self, mux: Mux, host: str, port: int) -> None:
        self.keys = os.urandom(KEY_SIZE), os.urandom(KEY_SIZE)
        self.peer = Peer(mux)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((host, 0))
        self.sock.connect((host, port))
        self.tx = session(self.keys[0], Policy.SSRC_ANY_OUTBOUND)
        self.rx = session(self.keys[1], Policy.SSRC_ANY_INBOUND)

    def check(self) -> None:
        """A nominating ICE check, after which the engine knows the address."""
        ice = self.peer.ice
        self.sock.send(stun.request(f"{ice.ufrag}:c", ice.password, os.urandom(12)))

    def begin(self) -> None:
        """In place of DTLS."""
        self.peer.begin(
            session(self.keys[0], Policy.SSRC_ANY_INBOUND),
            session(self.keys[1], Policy.SSRC_ANY_OUTBOUND),
        )

    def send(self, packet: bytes) -> None:
        self.sock.send(self.tx.protect(packet))

    def received(self, open: Callable[[bytes], bytes] | None = None) -> list[bytes]:
        """All media waiting at the socket, decrypted; what cannot be decrypted raises."""
        found = []
        while True:
            try:
                data = self.sock.recv(2048)
            except BlockingIOError:
                return found
            if 127 < data[0] < 192 and not 64 <= data[1] & 0x7F < 96:
                found.append((open or self.rx.unprotect)(data))

    async def close(self) -> None:
        self.sock.close()
        await self.peer.close()
