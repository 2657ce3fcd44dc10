"""Times as the log writes them: ISO 8601, UTC, milliseconds, Z."""

from datetime import UTC, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7), "ICT")  # one zone without daylight saving since 1975


def to_text(time: datetime) -> str:
    """What JavaScript's `toISOString` writes too, so that both sides sign the same bytes."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def from_text(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def to_millisecond(time: datetime) -> datetime:
    """Cut what the log does not keep, so that a fold from the log equals a live one."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def clock_vi(time: datetime) -> str:
    """The time of day in Vietnam, as minutes write it: 19:30."""
    return time.astimezone(VIETNAM).strftime("%H:%M")


def date_vi(time: datetime) -> str:
    return time.astimezone(VIETNAM).strftime("%d/%m/%Y")
