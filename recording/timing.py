"""When media was captured, on the recorder's clock.

A publisher stamps sound and picture with one clock of his own (sender reports); the least delay
seen between his clock and ours, over all his tracks, places that clock on ours. So a delayed
picture path does not move the picture against the sound, as arrival times would."""

WINDOW_NS = 30_000_000_000  # clocks drift some 3 ms in this time


class LeastOffset:
    """The least of (ours - theirs) over the last one to two windows."""

    def __init__(self) -> None:
        self._current: int | None = None
        self._previous: int | None = None
        self._since_ns = 0

    def observe(self, offset_ns: int, now_ns: int) -> None:
        if now_ns - self._since_ns >= WINDOW_NS:
            self._previous, self._current = self._current, None
            self._since_ns = now_ns
        if self._current is None or offset_ns < self._current:
            self._current = offset_ns

    @property
    def value(self) -> int | None:
        known = [v for v in (self._current, self._previous) if v is not None]
        return min(known) if known else None


class TrackClock:
    """Maps one stream's widened RTP times to Unix nanoseconds of the recorder.

    `publisher` is shared by all tracks of one participant."""

    def __init__(self, rate: int, publisher: LeastOffset) -> None:
        self._rate = rate
        self._publisher = publisher
        self._arrival = LeastOffset()
        self._report: tuple[int, int] | None = None  # publisher's ns, widened RTP time

    def report(self, ntp_ns: int, ticks: int) -> None:
        self._report = (ntp_ns, ticks)

    def arrived(self, ticks: int, arrival_ns: int) -> None:
        self._arrival.observe(arrival_ns - self._span(ticks), arrival_ns)
        captured = self._captured(ticks)
        if captured is not None:
            self._publisher.observe(arrival_ns - captured, arrival_ns)

    @property
    def by_report(self) -> bool:
        """Whether times come from sender reports rather than from arrival."""
        return self._report is not None and self._publisher.value is not None

    def utc_ns(self, ticks: int) -> int:
        """Before the first report: as if the fastest packet had taken no time."""
        captured, offset = self._captured(ticks), self._publisher.value
        if captured is not None and offset is not None:
            return captured + offset
        arrival = self._arrival.value
        return self._span(ticks) + (arrival or 0)

    def _span(self, ticks: int) -> int:
        return ticks * 1_000_000_000 // self._rate

    def _captured(self, ticks: int) -> int | None:
        if self._report is None:
            return None
        ntp_ns, reported = self._report
        return ntp_ns + self._span(ticks - reported)
