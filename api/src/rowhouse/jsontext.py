"""JSON as the API writes it."""

from decimal import Decimal

import orjson


def dump(value: object) -> bytes:
    """Return the value as JSON; times end in Z, orjson's fragments go in as they are, decimals keep their digits."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z, default=_exact)


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    raise TypeError(type(value))
