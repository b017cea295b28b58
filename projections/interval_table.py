"""The table of intervals, for the projection that fills it and for those who read it."""

from typing import Final

from projections.sql.schema import NAME, TEXT, Table, text, whole

INTERVAL: Final = Table(
    "interval_value",
    (
        text("meter_id", NAME), text("profile"), whole("ends_at"), text("obis"),
        text("value_text", TEXT, optional=True), text("unit", optional=True),
        whole("status", optional=True), text("quality"), whole("received_at"),
    ),
    key=("meter_id", "profile", "ends_at", "obis"),
    by_day="ends_at",
)  # fmt: skip
