"""The names of the links, as lists and settings write them: one for each module that has a link."""

from typing import Final

AUTO: Final = "auto"
"""Found out by the first bytes."""
LINKS: Final = (
    "raw", "prot", "ddp", "gdw376", "dlt698", "forcecontrol", "dsmr4", "dlms-push", "mode-d",
    "hml1",
)  # fmt: skip
