"""Near misses: what somebody probably meant to write."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return ` Did you mean X?`, with the leading space, or an empty text when nothing is near."""
    matches = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {prefix}{matches[0]}?" if matches else ""
