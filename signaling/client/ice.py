"""The client's half of ICE over one UDP socket: checks, nomination, consent (RFC 8445, 7675).

Pure: datagrams and the time go in, datagrams to send come out."""

import secrets

from aioice import stun

Address = tuple[str, int]

CHECK_EVERY = 0.1  # seconds between checks of a candidate until one answers
CONSENT_EVERY = 2.5
CONSENT_WHEN_SILENT = 0.5  # nothing arrives: ask sooner whether the server is still there
SILENCE = 1.0
CONSENT_LOST_AFTER = 5.0  # RFC 7675 allows 30 s; a record should not miss that much
CONNECT_WITHIN = 10.0
PRIORITY = 1_862_270_975  # peer reflexive, one component
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class IceAgent:
    """`selected` is the server's address once a check to it has been answered."""

    def __init__(self, *, controlling: bool, now: float) -> None:
        self.ufrag = random_text(8)
        self.password = random_text(24)
        self.controlling = controlling
        self.selected: Address | None = None
        self._remote: tuple[str, str] | None = None
        self._candidates: dict[Address, float] = {}
        self._pending: dict[bytes, Address] = {}
        self._tie_breaker = secrets.randbits(64)
        self._started = now
        self._consent = now
        self._asked = now
        self._heard = now

    def set_remote(self, ufrag: str, password: str) -> None:
        self._remote = (ufrag, password)

    def add_candidate(self, address: Address) -> None:
        self._candidates.setdefault(address, 0.0)

    def heard(self, now: float) -> None:
        """Media has arrived: no need to hurry the consent check."""
        self._heard = now

    def alive(self, now: float) -> bool:
        if self.selected is None:
            return now - self._started < CONNECT_WITHIN
        return now - self._consent < CONSENT_LOST_AFTER

    def poll(self, now: float) -> list[tuple[bytes, Address]]:
        """Checks due now; call at least every 50 ms until selected, then twice a second."""
        if self._remote is None:
            return []
        if self.selected is not None:
            silent = now - self._heard > SILENCE
            if now - self._asked < (CONSENT_WHEN_SILENT if silent else CONSENT_EVERY) - 0.05:
                return []
            self._asked = now
            return [self._check(self.selected)]
        due = [a for a, last in self._candidates.items() if now - last >= CHECK_EVERY]
        for address in due:
            self._candidates[address] = now
        return [self._check(address) for address in due]

    def receive(self, data: bytes, address: Address, now: float) -> list[tuple[bytes, Address]]:
        """Handles one STUN datagram; anything malformed or unauthenticated is dropped."""
        try:
            message = stun.parse_message(data)
        except ValueError:
            return []
        if message.message_method != stun.Method.BINDING or self._remote is None:
            return []
        if message.message_class == stun.Class.REQUEST:
            return self._request(message, address, now)
        sent_to = self._pending.pop(message.transaction_id, None)
        if sent_to != address or not message.check_message_integrity(self._remote[1].encode()):
            return []
        if message.message_class == stun.Class.RESPONSE:
            self._select(address, now)
        elif message.error_code == 487:
            self.controlling = not self.controlling
            return [self._check(address)]
        return []

    def _request(
        self, message: stun.Message, address: Address, now: float
    ) -> list[tuple[bytes, Address]]:
        if not message.check_message_integrity(self.password.encode()):
            return []
        reply = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
        reply.attributes["XOR-MAPPED-ADDRESS"] = address
        reply.add_message_integrity(self.password.encode())
        sends = [(bytes(reply), address)]
        if self.selected is None:
            self._candidates[address] = now
            sends.append(self._check(address))
        elif "USE-CANDIDATE" in message.attributes:
            self.selected = address
        return sends

    def _select(self, address: Address, now: float) -> None:
        self._consent = now
        if self.selected is None:
            self.selected = address
            self._pending.clear()

    def _check(self, address: Address) -> tuple[bytes, Address]:
        assert self._remote is not None
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self._remote[0]}:{self.ufrag}"
        request.attributes["PRIORITY"] = PRIORITY
        if self.controlling:
            request.attributes["ICE-CONTROLLING"] = self._tie_breaker
            request.attributes["USE-CANDIDATE"] = None
        else:
            request.attributes["ICE-CONTROLLED"] = self._tie_breaker
        request.add_message_integrity(self._remote[1].encode())
        if len(self._pending) > 64:
            self._pending.pop(next(iter(self._pending)))
        self._pending[request.transaction_id] = address
        return bytes(request), address
