"""Settings: all values that http, server and location share, finished; made from the directive table.

Field names are directive names. A Settings object belongs to every level that sees the same values: a
location that sets nothing has its server's.
"""

from __future__ import annotations

from typing import Any

import msgspec

from proxyd.config.directives import ALL
from proxyd.config.plan import S

FIELDS: tuple[tuple[str, Any], ...] = tuple(
    field for directive in ALL for field in directive.settings_fields()
)

Settings: Any = msgspec.defstruct(
    "Settings",
    FIELDS,
    bases=(S,),
    module=__name__,
    array_like=True,
    namespace={"__doc__": "The values of one level of http: one field per directive."},
)
