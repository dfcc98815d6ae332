"""The delimiter of CSV. A load needs a header in line 1 and the quote `"`, which makes telling it simple (ADR 14)."""

import csv
import io

from rowhouse.dataset import ColumnType
from rowhouse.infer.values import Notation, type_of

DELIMITERS = (",", ";", "\t", "|", "^", "~")
_TRIED_CHARACTERS = 1 << 20
_TRIED_ROWS = 1000


def find_delimiter(text: str) -> str:
    """Return the delimiter that cuts the rows into as many fields as the header.

    Where several do, it is the one under which more columns hold something else than text, then the one that makes
    more columns. A header that none cuts is that of a single column, and the delimiter one that is not in it.
    """
    candidates = []
    for delimiter in DELIMITERS:
        header, *rows = _rows(text, delimiter)
        if len(header) > 1:
            fitting = [row for row in rows if len(row) == len(header)]
            typed = sum(
                type_of({cell for cell in column if cell}, notation) is not ColumnType.TEXT
                for notation in (Notation(), Notation(decimal=","))
                for column in zip(*fitting, strict=True)
            )
            candidates.append((len(fitting) / max(len(rows), 1), typed / len(header), len(header), delimiter))
    # Of equals the first wins.
    best = max(candidates, key=lambda candidate: candidate[:3], default=(0.0, 0.0, 0, ","))
    if candidates and (best[0] > 0 or len(_rows(text, ",")) == 1):
        return best[3]
    return next(delimiter for delimiter in DELIMITERS if delimiter not in text.partition("\n")[0])


def _rows(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text[:_TRIED_CHARACTERS], newline=""), delimiter=delimiter)
    rows = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) > _TRIED_ROWS:
                break
    except csv.Error:
        # A field that is longer than any: the delimiter is another one, or the rows so far say enough.
        pass
    return rows or [[]]
