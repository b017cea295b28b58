"""The serial line behind one simulated modem: its meters, and what they say by themselves."""

from collections.abc import Iterator
from typing import Final

from hes.fleet.faults import Faults
from hes.fleet.gathering import gather
from hes.fleet.kinds import KINDS, OnLine, Surroundings
from hes.fleet.links.registry import SIDES
from hes.fleet.outbox import Outbox, Push
from hes.fleet.planned import ModemPlan
from hes.fleet.statistics import FleetStatistics
from protocols.errors import ProtocolError
from protocols.hml1.kinds import PROTOCOLS
from protocols.hml1.messages import Alarm, Record

NUMBERS: Final = {name: number for number, name in PROTOCOLS.items()}
SET: Final = 1
"""The modem's clock was set by the network."""
SUPPLY_LOST: Final = 1


class Line:
    """See the module."""

    def __init__(
        self, plan: ModemPlan, around: Surroundings, outbox: Outbox, statistics: FleetStatistics
    ) -> None:
        kind = SIDES[plan.kind]
        make = kind.meter or KINDS[plan.protocol].make
        self.meters: list[OnLine] = [make(plan, meter, around) for meter in plan.meters]
        self.guarded = plan.framing != "wrapper"
        """Whether a check guards what a meter says."""
        self.checked = kind.checked or self.guarded
        """Whether one guards the packet that carries it."""
        self.confirms = kind.meter is None
        """Whether its meters wait for a confirmation."""
        self.deaf_until = 0.0
        """Until then nothing comes of what is asked, by trio's time."""
        self._plan = plan
        self._now = around.now
        self._outbox = outbox
        self._statistics = statistics

    def reset(self) -> None:
        """Let meters forget what a new connection of the modem ends."""
        for meter, _ in self.meters:
            meter.reset()

    def ask(self, request: bytes, now: float, *, echo: bool = False) -> bytes:
        """Give bytes to all meters; return what comes back, with an ``echo`` in front."""
        if now < self.deaf_until:
            return b""
        answers = (
            self._ask(number, online, request, now) for number, online in enumerate(self.meters)
        )
        return (request if echo else b"") + b"".join(answers)

    def _ask(self, number: int, online: OnLine, request: bytes, now: float) -> bytes:
        meter = online.meter
        before = meter.requests
        try:
            answer = meter.receive(request)
        except ProtocolError:
            self._statistics.unreadable += 1
            answer = b""
        self._statistics.requests += meter.requests - before
        for invoke_id in meter.confirmed:
            self._outbox.confirm(number, invoke_id, now)
        meter.confirmed.clear()
        return answer

    def pushes(self, now: float, *, confirm: bool) -> Iterator[bytes]:
        """Let every meter push: into the outbox, or, when nobody is to confirm, as yielded."""
        confirm = confirm and self.confirms
        for number, (_, pusher) in enumerate(self.meters):
            if pusher is None:
                continue
            frame = pusher.push(confirmed=confirm)
            self._statistics.pushes += 1
            if confirm:
                self._outbox.put(Push(number, pusher.invoke_id, frame), now)
            else:
                yield frame

    def records(self) -> Iterator[Record]:
        """Yield what the modem keeps of each meter: what it pushes, else what it is asked for."""
        for plan, (meter, pusher) in zip(self._plan.meters, self.meters, strict=True):
            if pusher is None:
                protocol = self._plan.protocol
                data = gather(protocol, plan.address, meter)
            else:
                protocol, data = f"dlms-{self._plan.framing}", pusher.push(confirmed=False)
            if data:
                self._statistics.pushes += 1
                yield Record(
                    number=0, meter=plan.identity.serial, protocol=NUMBERS[protocol],
                    utc_s=self._utc_s(), clock_quality=SET, data=data,
                )  # fmt: skip

    def alarms(self) -> Iterator[Alarm]:
        """Yield what the modem says of meters whose supply is gone."""
        for plan in self._plan.meters:
            yield Alarm(
                utc_s=self._utc_s(), clock_quality=SET, code=SUPPLY_LOST, meter=plan.identity.serial
            )

    def _utc_s(self) -> int:
        return int(self._now().timestamp())

    def last_gasps(self) -> Iterator[bytes]:
        """Yield what meters say when their supply is gone."""
        for _, pusher in self.meters:
            if pusher is not None:
                yield pusher.last_gasp()

    def jump(self, faults: Faults) -> None:
        """Let the clocks of the meters jump, each by itself."""
        for meter, _ in self.meters:
            if meter.clock is not None:
                meter.clock.drift_s += faults.clock_jump_s()
