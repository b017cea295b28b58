"""What a meter calls things, where it does not call them as people do: other codes, other rates."""

from protocols.dlms.options import DlmsOptions
from protocols.tariffs import as_rate, as_tariff


class CodeNames:
    """The names of one meter type, both ways. It keeps nothing but the options."""

    def __init__(self, options: DlmsOptions) -> None:
        self._codes = options.codes
        self._rates = options.rates
        self._of = {theirs: ours for ours, theirs in options.codes.items()}
        self.renames = bool(options.codes or options.rates)
        """Whether anything is called otherwise at all."""

    def theirs(self, obis: str) -> str | None:
        """Return what the meter calls ``obis``; None: it has no such rate."""
        return self._codes.get(obis) or as_rate(self._rates, obis)

    def ours(self, obis: str) -> str | None:
        """Return what ``obis`` of the meter is called here; None: it is no tariff of ours.

        A code that stands for something else in the meter is nothing that anybody told.
        """
        named = self._of.get(obis)
        if named is not None:
            return named
        return None if obis in self._codes else as_tariff(self._rates, obis)
