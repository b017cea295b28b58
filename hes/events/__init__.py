"""Domain events: facts, in the operator's past tense, written once and read for ever.

One file per subject. A new kind of event is a class in one of these files or in a new one: the
package finds its own modules, so nothing else is edited.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
