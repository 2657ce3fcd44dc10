"""One-time codes (RFC 4226, RFC 6238): which counter a code belongs to, if any that is unused."""

import hmac
import re
import secrets
from datetime import datetime

import pyotp

STEP = 30  # seconds a TOTP code lasts
CARD_CODES = 30  # on one printed card
CARD_WINDOW = 5  # codes that may have been skipped on a card
RECOVERY_CODES = 8
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # without what old eyes confuse


def new_secret() -> str:
    """160 random bits in base32, as RFC 4226 recommends."""
    return pyotp.random_base32(32)


def totp_step(now: datetime) -> int:
    return int(now.timestamp()) // STEP


def totp_counter(secret: str, code: str, now: datetime, used: int) -> int | None:
    """The time step of a right and unused code, one step early or late allowed; else None."""
    step = totp_step(now)
    return _find(secret, code, range(max(used + 1, step - 1), step + 2))


def card_counter(secret: str, code: str, used: int) -> int | None:
    """The number on the card of a right and unused code; a few may have been skipped."""
    last = min(used + CARD_WINDOW, CARD_CODES)
    return _find(secret, code, range(used + 1, last + 1))


def card_codes(secret: str) -> list[str]:
    """All codes of a card; the first has number 1."""
    card = pyotp.HOTP(secret)
    return [card.at(number) for number in range(1, CARD_CODES + 1)]


def totp_uri(secret: str, phone: str, issuer: str) -> str:
    return pyotp.TOTP(secret).provisioning_uri(name=phone, issuer_name=issuer)


def new_recovery_codes() -> list[str]:
    """Ten characters each (49 bits), in two groups to read from paper."""
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def tidy_code(code: str) -> str:
    """As typed or read out: without spaces and hyphens, small letters."""
    return re.sub(r"[\s-]", "", code).lower()


def _find(secret: str, code: str, counters: range) -> int | None:
    generator = pyotp.HOTP(secret)
    given = tidy_code(code)
    if not re.fullmatch(r"[0-9]{6}", given):
        return None
    found = [n for n in counters if hmac.compare_digest(generator.at(n), given)]
    return found[0] if found else None
