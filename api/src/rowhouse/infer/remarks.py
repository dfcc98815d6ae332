"""Where a person should look twice: what a type or a name leaves out."""

import re
from collections.abc import Iterator

from rowhouse.dataset import PARAMETERS, ColumnType
from rowhouse.infer.choices import Guess
from rowhouse.infer.values import Notation, looks_grouped, looks_like_local_date, misfits

# Of the different values; with more the column is not almost of a type.
_FEW = 0.1
_SHOWN = 40
_LEADING_ZERO = re.compile(r"-?0[0-9]+", re.ASCII)
_ZONE = re.compile(r".*[0-9](Z|[+-][0-9:]{2,6})", re.ASCII)
_TYPES = (ColumnType.NUMBER, ColumnType.BOOLEAN, ColumnType.DATE, ColumnType.TIMESTAMP)


def remarks(guess: Guess, notation: Notation) -> Iterator[str]:
    """Yield lines for the comment above a column."""
    if guess.cells.header in PARAMETERS:
        yield f"Renamed, as {guess.cells.header!r} is a parameter of the API itself."
    if not guess.cells.counts:
        yield "No row seen has a value here, so that the type is a guess."
    elif guess.type is ColumnType.TEXT:
        yield from _why_text(guess, notation)
    elif guess.type is ColumnType.TIMESTAMP and not all(map(_ZONE.fullmatch, guess.cells.counts)):
        yield "Without a zone: taken as UTC."


def _why_text(guess: Guess, notation: Notation) -> Iterator[str]:
    values = guess.cells.counts.keys()
    if looks_like_local_date(values):
        yield "Text, as day and month cannot be told apart for sure; write 2024-12-31 to have a date."
    elif looks_grouped(values):
        yield "Text, as a separator of thousands, or another decimal sign, is no part of a number."
    elif all(value.removeprefix("-").isdecimal() and value.isascii() for value in values):
        zero = next(filter(_LEADING_ZERO.fullmatch, values), None)
        reason = f"its leading zero, as of {zero[:_SHOWN]!r}" if zero else "digits: it is too long"
        yield f"Text, as a number would lose {reason}."
    else:
        for column_type in _TYPES if not guess.cells.kinds else ():
            odd = list(misfits(column_type, values, notation))
            if len(odd) <= len(values) * _FEW:
                lines = guess.cells.lines[odd[0]]
                where = f" in line {lines[0]}" if lines[0] else ""
                others = f" and {len(odd) - 1} others" if len(odd) > 1 else ""
                yield f"Text because of {odd[0][:_SHOWN]!r}{where}{others}; all else is {column_type}."
                return
