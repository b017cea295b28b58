"""Numbers for Prometheus: requests counted here, everything else asked for when it is scraped."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import trio
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SECONDS: Final = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)

Ask = Callable[[], float]
AskByLabel = Callable[[], Mapping[str, float]]


class Told:
    """How a request ended; 500 until somebody says better."""

    __slots__ = ("status",)

    def __init__(self) -> None:
        self.status = 500


class Metrics:
    """A registry of its own, so that several nodes fit into one process."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry()
        self._asked: Final = _Asked()
        self.registry.register(self._asked)
        self._requests = Counter(
            "hes_web_requests", "Requests", ("method", "path", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "hes_web_request_seconds",
            "How long requests took",
            ("method", "path"),
            buckets=SECONDS,
            registry=self.registry,
        )

    @contextmanager
    def request(self, method: str, path: str) -> Iterator[Told]:
        """Count a request to the route ``path`` (its template, so that labels stay few)."""
        told = Told()
        start = trio.current_time()
        try:
            yield told
        finally:
            self._requests.labels(method, path, str(told.status)).inc()
            self._seconds.labels(method, path).observe(trio.current_time() - start)

    def gauge(self, name: str, about: str, ask: Ask) -> None:
        """Show what ``ask`` returns; it is called in the trio thread and must not wait."""
        self._asked.add(lambda: GaugeMetricFamily(name, about, value=ask()))

    def counter(self, name: str, about: str, ask: Ask) -> None:
        """Show what ``ask`` returns, a number that only grows."""
        self._asked.add(lambda: CounterMetricFamily(name, about, value=ask()))

    def gauges(self, name: str, about: str, label: str, ask: AskByLabel) -> None:
        """Show a number for each value of ``label``."""

        def family() -> Metric:
            shown = GaugeMetricFamily(name, about, labels=(label,))
            for value, number in ask().items():
                shown.add_metric((value,), number)
            return shown

        self._asked.add(family)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _Asked(Collector):
    """The numbers that are asked for."""

    def __init__(self) -> None:
        self._families: list[Callable[[], Metric]] = []

    def add(self, family: Callable[[], Metric]) -> None:
        self._families.append(family)

    def collect(self) -> Iterator[Metric]:
        """Return the numbers as they are now."""
        for family in self._families:
            yield family()
