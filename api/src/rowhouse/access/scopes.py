"""What a key may do: `air_quality:read`, `users:write`, or `*` for every dataset."""

import re
from collections.abc import Iterable
from enum import StrEnum

from rowhouse.dataset import Dataset
from rowhouse.errors import AccessError
from rowhouse.suggest import did_you_mean

ALL = "*"
_FORM = re.compile(r"(\*|[a-z][a-z0-9_]*):([a-z]+)")


class Right(StrEnum):
    """What may be done with a dataset."""

    READ = "read"
    WRITE = "write"


def parse_scopes(texts: Iterable[str], datasets: Iterable[Dataset]) -> tuple[str, ...]:
    """Return the scopes, each once and in order.

    Raises:
        AccessError: One of them is none, or names a dataset that there is not.
    """
    names = [ALL, *(dataset.name for dataset in datasets)]
    scopes = set()
    for text in texts:
        form = _FORM.fullmatch(text)
        if not form or form[2] not in Right:
            raise AccessError(f"Scope {text!r}: must be DATASET:read or DATASET:write, or *: for every dataset.")
        if form[1] not in names:
            raise AccessError(f"Scope {text!r}: there is no dataset {form[1]}.{did_you_mean(form[1], names)}")
        scopes.add(text)
    return tuple(sorted(scopes))


def all_allowed(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes and those that they include: who may write may read."""
    given = frozenset(scopes)
    return given | {scope.removesuffix(Right.WRITE) + Right.READ for scope in given if scope.endswith(Right.WRITE)}
