"""The one vocabulary that the codes of all meters are mapped to: name to what happened.

A name says what the meter reported, not what we conclude of it: ``power-down`` is an entry in its
log, ``PowerFailure`` is a fact of ours.
"""

from typing import Final

_PHASES: Final = ("l1", "l2", "l3")
_PHASED: Final = {
    "under-voltage": "voltage below the limit",
    "under-voltage-end": "voltage above the lower limit again",
    "over-voltage": "voltage above the limit",
    "over-voltage-end": "voltage below the upper limit again",
    "voltage-normal": "voltage within its limits again",
    "voltage-lost": "no voltage while a current flows",
    "phase-lost": "neither voltage nor current",
    "phase-returned": "voltage is back",
    "voltage-sag": "a short dip of the voltage",
    "voltage-swell": "a short rise of the voltage",
    "over-current": "current above the limit",
}

EVENT_NAMES: Final[dict[str, str]] = {
    "power-down": "supply lost",
    "power-up": "supply restored",
    "clock-set": "the clock was set",
    "clock-before-change": "the clock's time before it was set",
    "clock-after-change": "the clock's time after it was set",
    "clock-invalid": "the clock may be wrong: its reserve ran out",
    "season-changed": "daylight saving time began or ended",
    "battery-replace": "the battery must be replaced",
    "battery-low": "the battery's voltage is low",
    "tariff-changed": "a new tariff table is in force",
    "demand-reset": "a billing period was closed",
    "error-register-cleared": "the error register was cleared",
    "alarm-register-cleared": "the alarm register was cleared",
    "log-cleared": "an event log was cleared",
    "meter-cleared": "all registers were cleared",
    "demand-cleared": "the maximum demands were cleared",
    "program-memory-error": "the program memory is damaged",
    "ram-error": "the working memory is damaged",
    "nv-memory-error": "the non-volatile memory is damaged",
    "watchdog-error": "the meter restarted itself",
    "measurement-error": "the measuring system is faulty",
    "fatal-error": "the meter has a fault that it cannot work with",
    "firmware-ready": "a new firmware is ready to be activated",
    "firmware-activated": "a new firmware runs",
    "meter-programmed": "parameters were written",
    "configuration-changed": "the configuration was changed",
    "login-failed": "a password or key was wrong",
    "terminal-cover-opened": "the terminal cover was opened",
    "terminal-cover-closed": "the terminal cover was closed",
    "meter-cover-opened": "the meter's cover was opened",
    "meter-cover-closed": "the meter's cover was closed",
    "magnet-detected": "a strong magnetic field",
    "magnet-gone": "the strong magnetic field is gone",
    "phase-order-reversed": "the phases come in the wrong order",
    "voltage-imbalance": "the voltages of the phases differ too much",
    "current-imbalance": "the currents of the phases differ too much",
    **{
        f"{name}-{phase}": f"{told}, {phase.upper()}"
        for name, told in _PHASED.items()
        for phase in _PHASES
    },
}
