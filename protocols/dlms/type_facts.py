"""What a meter type tells ahead of what is learnt from each meter."""

from protocols.dlms.objects import Column, ObjectCache, Scale
from protocols.dlms.options import DlmsOptions
from protocols.dlms.reader import TimeRules


def known_objects(options: DlmsOptions) -> ObjectCache:
    """Return what is known of a meter's objects before it was ever asked."""
    columns = {
        profile: [_column(text) for text in known.columns]
        for profile, known in options.columns.items()
    }
    periods = {p: known.period_s for p, known in options.columns.items() if known.period_s}
    shown = [column for many in columns.values() for column in many]
    classes = {column.obis: column.class_id for column in shown if column.class_id in {3, 4, 5}}
    return ObjectCache(
        classes=classes | dict(options.classes),
        scales={obis: Scale(known.scaler, known.code) for obis, known in options.scales.items()},
        columns=columns,
        periods=periods,
        ways={},
        selection=tuple(options.selection),
    )


def _column(text: str) -> Column:
    class_id, obis, attribute = text.split("/")
    return Column(int(class_id), obis, int(attribute), 0)


def time_rules(options: DlmsOptions, utc_offset_min: int) -> TimeRules:
    """Return how a meter of the type writes times, before it was seen to."""
    sends = {"as-told": None, "always": True, "never": False}[options.send_deviation]
    return TimeRules(
        utc_offset_min=utc_offset_min,
        positive_east=options.positive_east,
        with_deviation=sends is not False,
        told=options.deviation == "told",
        sends=sends,
    )
