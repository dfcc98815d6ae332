"""Delimiter and quote of CSV. That a load needs the header in line 1 makes telling them simple (ADR 14)."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from rowhouse.dataset import ColumnType
from rowhouse.infer.values import Notation, type_of

_DELIMITERS = (",", ";", "\t", "|", "^", "~")
_QUOTES = ('"', "'")
_TRIED_CHARACTERS = 1 << 20
_TRIED_ROWS = 1000


@dataclass(frozen=True)
class Dialect:
    """How rows are cut into fields.

    Attributes:
        delimiter: Between two fields.
        quote: Around a field; empty when none is quoted, and the character is one like others.
    """

    delimiter: str = ","
    quote: str = '"'


def find_dialect(text: str) -> Dialect:
    """Return the dialect that cuts the rows into as many fields as the header.

    Where several do, it is the one under which more columns hold something else than text, then the one that makes
    more columns. Where none does there is a single column, and the delimiter is one that is not in it.
    """
    tried = text[:_TRIED_CHARACTERS]
    best, best_score = Dialect(), (0.0, 0, 0)
    for quote in _QUOTES:
        for delimiter in _DELIMITERS:
            # Of equals the first wins.
            score = _score(tried, Dialect(delimiter, quote))
            if score > best_score:
                best, best_score = Dialect(delimiter, quote), score
    if not best_score[0]:
        best = Dialect(next((delimiter for delimiter in _DELIMITERS if delimiter not in tried), ","))
    if best.quote in tried and not any(_begins_with_quote(tried, best)):
        return Dialect(best.delimiter, "")
    return best


def _score(text: str, dialect: Dialect) -> tuple[float, int, int]:
    header, *rows = _rows(text, dialect)
    fitting = [row for row in rows if len(row) == len(header)]
    if len(header) < 2 or (rows and not fitting):
        return 0.0, 0, 0
    typed = sum(_worth({cell for cell in column if cell}) for column in zip(*fitting, strict=True))
    return len(fitting) / len(rows) if rows else 1.0, typed, len(header)


def _worth(values: set[str]) -> int:
    """Return how much a column's values speak for what made them: numbers do, quotes that are left do not."""
    for quote in _QUOTES:
        if values and all(len(value) > 1 and value[0] == value[-1] == quote for value in values):
            return -1
    return sum(type_of(values, notation) is not ColumnType.TEXT for notation in (Notation(), Notation(decimal=",")))


def _rows(text: str, dialect: Dialect) -> Sequence[Sequence[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter, quotechar=dialect.quote)
    rows = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) > _TRIED_ROWS:
                break
    except csv.Error:
        # A field that is longer than any: the dialect is another one, or the rows so far say enough.
        pass
    return rows or [[]]


def _begins_with_quote(text: str, dialect: Dialect) -> Sequence[bool]:
    rows = csv.reader(text.splitlines(), delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE)
    return [field.lstrip().startswith(dialect.quote) for row in rows for field in row]
