from hes.fleet.outbox import ATTEMPTS_MAX, WAITING_MAX, Outbox, Push
from hes.fleet.statistics import FleetStatistics

RESEND_S = 30.0


class Bench:
    def __init__(self) -> None:
        self.statistics = FleetStatistics()
        self.outbox = Outbox(RESEND_S, self.statistics)

    def put(self, *invoke_ids: int, now: float = 0.0) -> None:
        for invoke_id in invoke_ids:
            self.outbox.put(Push(0, invoke_id, b"push"), now)

    def sent(self, now: float) -> int | None:
        push = self.outbox.take(now)
        return push.invoke_id if push else None


def test_an_empty_outbox_is_never_due() -> None:
    bench = Bench()
    assert bench.outbox.due == float("inf")
    assert bench.sent(1e9) is None


def test_one_is_under_way_at_a_time() -> None:
    bench = Bench()
    bench.put(1, 2)
    assert [bench.sent(0), bench.sent(0), bench.sent(29)] == [1, None, None]
    bench.outbox.confirm(0, 1, 29)
    assert bench.outbox.due == 29
    assert bench.sent(29) == 2
    assert bench.statistics.pushes_confirmed == 1


def test_it_is_sent_again_until_it_is_given_up() -> None:
    bench = Bench()
    bench.put(1, 2)
    assert [bench.sent(RESEND_S * n) for n in range(ATTEMPTS_MAX)] == [1] * ATTEMPTS_MAX
    assert bench.sent(RESEND_S * ATTEMPTS_MAX) == 2
    assert bench.statistics.pushes_given_up == 1
    assert bench.statistics.pushes_resent == ATTEMPTS_MAX - 1


def test_a_new_connection_sends_at_once_what_may_be_lost() -> None:
    bench = Bench()
    bench.put(1)
    assert [bench.sent(0), bench.sent(3)] == [1, None]
    bench.outbox.connected(3)
    assert bench.sent(3) == 1


def test_the_confirmation_of_another_push_or_meter_changes_nothing() -> None:
    bench = Bench()
    bench.put(1, 2)
    bench.sent(0)
    for meter, invoke_id in ((0, 2), (1, 1), (0, 7)):
        bench.outbox.confirm(meter, invoke_id, 1)
    assert (len(bench.outbox), bench.statistics.pushes_confirmed) == (2, 0)
    bench.outbox.confirm(0, 1, 1)
    bench.outbox.confirm(0, 1, 1)
    assert (len(bench.outbox), bench.statistics.pushes_confirmed) == (1, 1)


def test_the_oldest_go_when_too_many_wait() -> None:
    bench = Bench()
    bench.put(*range(WAITING_MAX + 3))
    assert len(bench.outbox) == WAITING_MAX
    assert bench.sent(0) == 3
    assert bench.statistics.pushes_given_up == 3
