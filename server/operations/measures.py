"""What Prometheus may ask: counts and times per route template, never per person."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Measures:
    """The metrics of one process, in a registry of their own so that tests can run many."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "chibo_http_requests_total",
            "Answers by route template and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "chibo_http_request_seconds",
            "Time to answer; for sockets, how long they stayed.",
            ("method", "route"),
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self.registry,
        )
        self._gauges: dict[str, Gauge] = {}
        self.storage: tuple[datetime, str] | None = None  # when the blob store was tried, and how
        self.recorder_seen: datetime | None = None  # when a recorder last asked this process

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def gauge(self, name: str, text: str, value: float) -> None:
        """Sets `chibo_<name>`; `text` says what it counts."""
        if name not in self._gauges:
            self._gauges[name] = Gauge(f"chibo_{name}", text, registry=self.registry)
        self._gauges[name].set(value)

    def page(self) -> bytes:
        """The text format that Prometheus scrapes."""
        return generate_latest(self.registry)
