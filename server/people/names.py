"""Vietnamese names and phone numbers: one spelling to compare, one order to list."""

import re
import unicodedata

_LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_MARKS = "\u0306\u0302\u031b"  # breve, circumflex, horn: they make another letter
_TONES = "\u0300\u0309\u0303\u0301\u0323"  # huyền, hỏi, ngã, sắc, nặng: in dictionary order
_NAME = re.compile(r"[^\W\d_]+(?:[ .'’-]{1,2}[^\W\d_]+)*\.?")
_VIETNAMESE_PHONE = re.compile(r"0[1-9]\d{8,9}")
_FOREIGN_PHONE = re.compile(r"\+[1-9]\d{7,14}")  # E.164


def tidy_name(text: str) -> str | None:
    """The name with single spaces, in composed Unicode; None when it is not a person's name."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    return name if 2 <= len(name) <= 80 and _NAME.fullmatch(name) else None


def same_name(one: str, other: str) -> bool:
    return _folded(one) == _folded(other)


def name_order(name: str) -> tuple[object, ...]:
    """Sorts by given name (the last word), then the whole name, in the Vietnamese alphabet."""
    words = _folded(name).split() or [""]
    return (*_word_order(words[-1]), tuple(_word_order(word) for word in words))


def tidy_phone(text: str) -> str | None:
    """`0912345678`, or `+4915…` for a line abroad; None when it is neither.

    Spreadsheets drop the leading 0 or +; the mobile numbers without it are recognised.
    """
    phone = re.sub(r"[\s.\-()]", "", unicodedata.normalize("NFKC", text))
    phone = re.sub(r"^(?:\+|00)84(?:0(?=\d{9,10}$))?|^(?:84)?(?=[35789]\d{8}$)", "0", phone)
    if not phone.isascii():
        return None
    if _VIETNAMESE_PHONE.fullmatch(phone):
        return phone
    phone = re.sub(r"^00", "+", phone)
    return phone if _FOREIGN_PHONE.fullmatch(phone) else None


def plain(text: str) -> str:
    """Lower case without diacritics, words joined by one space: to recognise what people type."""
    base = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    letters = "".join(c for c in base if not unicodedata.combining(c))
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _word_order(word: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Letters decide first, tones only between equal letters."""
    letters, tones = [], []
    for char in word:
        parts = unicodedata.normalize("NFD", char)
        letter = unicodedata.normalize("NFC", parts[0] + "".join(c for c in parts if c in _MARKS))
        letters.append(_LETTERS.find(letter) if letter in _LETTERS else 100 + ord(letter[0]))
        tones.append(next((1 + _TONES.index(c) for c in parts if c in _TONES), 0))
    return tuple(letters), tuple(tones)
