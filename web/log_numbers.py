"""Numbers of the life of the log, for Prometheus."""

from collections.abc import Callable
from typing import Final

from hes.system import SealingFacts, SystemFacts
from web.metrics import Metrics

NOT_SEALING: Final = SealingFacts(after_days=0)


def show_sealing(metrics: Metrics, ask: Callable[[], SystemFacts]) -> None:
    """Show how far the node has sealed the log, and whether it can."""

    def of(number: Callable[[SealingFacts], float]) -> Callable[[], float]:
        return lambda: float(number(ask().sealing or NOT_SEALING))

    metrics.gauge(
        "hes_log_sealed_position", "Everything up to here is sealed", of(lambda told: told.position)
    )
    metrics.gauge("hes_log_sealing", "1 while old days go", of(lambda told: told.is_running))
    metrics.gauge(
        "hes_log_sealing_failed",
        "1 if the last run that sealed failed",
        of(lambda told: told.problem is not None),
    )
    metrics.gauge(
        "hes_log_sealing_last_seconds",
        "How long the last run took that had something to seal",
        of(lambda told: told.lasted_s),
    )
    for name, about, number in (
        ("events", "Events that this node has sealed since it started", lambda t: t.events_total),
        ("octets", "Octets of the blocks that they take", lambda t: t.octets_total),
    ):
        metrics.counter(f"hes_log_sealed_{name}", about, of(number))
