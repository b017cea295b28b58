"""What objects of a DLMS meter say, as people read it."""

from typing import Any

from hes import obis, quantities
from hes.control import (
    DiagnosisAnswer,
    LimiterAnswer,
    ModemSetupAnswer,
    PushSetupAnswer,
    RelayAnswer,
)
from protocols.dlms.classes.auto_connect import ConnectMode
from protocols.dlms.classes.clock import status_words
from protocols.dlms.classes.disconnect_control import USUAL_OBIS as RELAY, DisconnectControl
from protocols.dlms.classes.gsm_diagnostic import PacketService, Registration, signal_dbm
from protocols.dlms.classes.kinds import named, words
from protocols.dlms.classes.push_setup import Transport
from protocols.dlms.classes.security_setup import policies
from protocols.dlms.classes.single_action_schedule import Execution
from protocols.dlms.operations.diagnosis import Diagnosis
from protocols.dlms.operations.limiter import LimiterRead
from protocols.dlms.operations.modem_setup import ModemSetupRead
from protocols.dlms.operations.push import PushRead


def relay_answer(relay: DisconnectControl, before: DisconnectControl | None = None) -> RelayAnswer:
    """Return the state of a relay, and what it was before a command."""
    return RelayAnswer(
        obis=obis.from_bytes(RELAY),
        closed=relay.output_state,
        state=words(relay.control_state),
        mode=relay.control_mode,
        state_before=None if before is None else words(before.control_state),
    )


def limiter_answer(read: LimiterRead) -> LimiterAnswer:
    """Return a limiter, its thresholds in the unit of what it watches."""
    found, scaler = read.limiter, read.scale.scaler or 0

    def threshold(value: Any) -> str | None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return quantities.decimal_text(value, scaler) if number else None

    unit = read.scale.unit
    return LimiterAnswer(
        watched=obis.from_bytes(found.watched.obis),
        unit=None if unit is None else quantities.UNIT_SYMBOLS.get(unit, f"unit:{unit}"),
        threshold_active=threshold(found.threshold_active),
        threshold_normal=threshold(found.threshold_normal),
        threshold_emergency=threshold(found.threshold_emergency),
        min_over_s=found.min_over_s,
        min_under_s=found.min_under_s,
        emergency_active=found.emergency_active,
    )


def push_answer(read: PushRead) -> PushSetupAnswer:
    """Return what a meter pushes."""
    setup = read.setup
    times = None if read.schedule is None else tuple(map(_execution, read.schedule.times))
    return PushSetupAnswer(
        objects=tuple(
            f"{o.class_id}/{obis.from_bytes(o.obis)}/{o.attribute}" for o in setup.objects
        ),
        transport=named(Transport, setup.destination.transport),
        address=setup.destination.address.decode("latin-1"),
        randomisation_s=setup.randomisation_s,
        retries=setup.retries,
        retry_delay_s=setup.retry_delay_s,
        times=times,
    )


def _execution(execution: Execution) -> str:
    time, date = execution
    clock = ":".join("*" if part is None else f"{part:02}" for part in time[:3])
    if not any(date):
        return clock
    day = "-".join("*" if part is None else f"{part:02}" for part in date[:3])
    return f"{day} {clock}"


def modem_answer(read: ModemSetupRead) -> ModemSetupAnswer:
    """Return how a modem gets into the network, without its PIN."""
    gprs, tcp, connect = read.gprs, read.tcp, read.connect
    return ModemSetupAnswer(
        apn=None if gprs is None else gprs.apn,
        port=None if tcp is None else tcp.port,
        inactivity_s=None if tcp is None else tcp.inactivity_s,
        mode=None if connect is None else connect.mode,
        mode_name=None if connect is None else named(ConnectMode, connect.mode),
        destinations=None if connect is None else connect.destinations,
    )


def diagnosis_answer(found: Diagnosis) -> DiagnosisAnswer:
    """Return what a meter tells of its network, clock and protection."""
    told: dict[str, Any] = {"refused": found.refused, "firmware": found.firmware or None}
    gsm, clock, security = found.gsm, found.clock, found.security
    if gsm is not None:
        told |= {
            "operator": gsm.operator,
            "registration": _named(Registration, gsm.registration),
            "packet_service": _named(PacketService, gsm.packet_service),
        }
        if gsm.cell is not None:
            told |= {
                "cell_id": gsm.cell.cell_id, "location_id": gsm.cell.location_id,
                "signal_dbm": signal_dbm(gsm.cell.signal),
            }  # fmt: skip
    if clock is not None:
        told |= {
            "clock_status": status_words(clock.status), "time_zone_min": clock.time_zone_min,
            "daylight_saving": clock.daylight_enabled,
        }  # fmt: skip
    if security is not None:
        told |= {
            "security_suite": security.suite, "security_policy": policies(security.policy),
            "client_title": _hex(security.client_title),
            "server_title": _hex(security.server_title),
        }  # fmt: skip
    return DiagnosisAnswer(**told)


def _named(members: Any, value: int | None) -> str | None:
    return None if value is None else named(members, value)


def _hex(octets: bytes | None) -> str | None:
    return octets.hex() if octets else None
