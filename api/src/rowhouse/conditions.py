"""Whether a client has already what it asks for (RFC 9110, 13.1)."""

import re
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


@lru_cache(maxsize=64)
def http_date(moment: datetime) -> str:
    """Return a moment, which is in UTC, as HTTP writes it; what is less than a second is lost."""
    return format_datetime(moment, usegmt=True)


def names(if_none_match: str, entity_tag: str) -> bool:
    """Tell whether the tag is in the list; a weak one is as good, as RFC 9110 wants it for this field."""
    return any(match[1] == entity_tag for match in _ENTITY_TAG.finditer(if_none_match))


def is_of(if_modified_since: str, moment: datetime) -> bool:
    """Tell whether the date is just that of this moment.

    A later one is not taken: a rollback brings earlier data back, which is new to whoever has seen the later.
    """
    try:
        return parsedate_to_datetime(if_modified_since) == moment.replace(microsecond=0)
    except (ValueError, OverflowError, IndexError, TypeError):
        # What is no date does not count.
        return False
