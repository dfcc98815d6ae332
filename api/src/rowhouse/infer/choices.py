"""What the columns are good for: the key, filters, a place on the map."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from rowhouse.dataset import KEY_TYPES, ColumnType
from rowhouse.errors import InspectionError
from rowhouse.infer.source import Source
from rowhouse.infer.tables import Cells, Table

_MOST_FILTERS = 6
# Of a column with more different values than this share of the rows, hardly two rows are alike.
_REPEATING = 0.5
# Longer ones are no names, and no use in a URL; PostgreSQL's indexes end at 2700 bytes.
_LONGEST_KEY = 200
_LONGEST_FILTER = 60
_LIKE_AN_ID = re.compile(r"(.*[_ -])?(id|uuid|guid|key|code|nr|no|number|nummer)|.*[a-z](Id|ID)", re.ASCII)
_LATITUDE = re.compile(r"(.*_)?(lat|latitude|breite|breitengrad|geo_breite)(_.*)?")
_LONGITUDE = re.compile(r"(.*_)?(lon|lng|long|longitude|laenge|laengengrad|geo_laenge)(_.*)?")


@dataclass(frozen=True)
class Guess:
    """One column as it goes into dataset.yml."""

    name: str
    type: ColumnType
    unit: str
    cells: Cells


def find_key(guesses: Sequence[Guess], table: Table, source: Source) -> Guess:
    """Return the first column that may be the key, one that is named like an id before all others.

    Raises:
        InspectionError: There is none; it says how to add one.
    """
    possible = [guess for guess in guesses if _is_key(guess, table)]
    if possible:
        return min(possible, key=lambda guess: not _is_like_an_id(guess))
    raise InspectionError(
        f"{source.path}: no column can be the key, which is an integer, text or date that every row has and no two "
        f"share.{_nearest(guesses)} Add a column that numbers the rows{_numbering(table, source)}"
    )


def find_filters(guesses: Sequence[Guess], key: Guess, table: Table) -> list[Guess]:
    """Return, in the file's order, at most six columns by which it is of use to filter, sort and group."""
    useful = [guess for guess in guesses if guess is not key and _is_useful(guess, table)]
    # Numbers come last, as a range of one is asked for less often than a name, a yes or a day.
    best = sorted(useful, key=lambda guess: guess.type in (ColumnType.INTEGER, ColumnType.NUMBER))[:_MOST_FILTERS]
    return [guess for guess in guesses if guess in best]


def find_point(guesses: Sequence[Guess]) -> tuple[Guess, Guess] | None:
    """Return the columns of longitude and latitude, when each is there once with values in range."""
    longitudes = [guess for guess in guesses if _LONGITUDE.fullmatch(guess.name.lower()) and _is_degrees(guess, 180)]
    latitudes = [guess for guess in guesses if _LATITUDE.fullmatch(guess.name.lower()) and _is_degrees(guess, 90)]
    if len(longitudes) == len(latitudes) == 1:
        return longitudes[0], latitudes[0]
    return None


def _is_key(guess: Guess, table: Table) -> bool:
    cells = guess.cells
    values = {str(int(text)) for text in cells.counts} if guess.type is ColumnType.INTEGER else set(cells.counts)
    fits_a_url = guess.type is not ColumnType.TEXT or all(0 < len(value) <= _LONGEST_KEY for value in values)
    return guess.type in KEY_TYPES and not cells.missing and len(values) == table.rows and fits_a_url


def _is_like_an_id(guess: Guess) -> bool:
    return bool(_LIKE_AN_ID.fullmatch(guess.name) or _LIKE_AN_ID.fullmatch(guess.name.lower()))


def _is_useful(guess: Guess, table: Table) -> bool:
    counts = guess.cells.counts
    if len(counts) < 2 or guess.type is ColumnType.JSON:
        return False
    if guess.type is ColumnType.TEXT:
        # A small table's few names are of use even when all differ.
        return max(map(len, counts)) <= _LONGEST_FILTER and len(counts) <= max(table.rows * _REPEATING, 20)
    return not (_LATITUDE.fullmatch(guess.name.lower()) or _LONGITUDE.fullmatch(guess.name.lower()))


def _is_degrees(guess: Guess, most: int) -> bool:
    texts = guess.cells.counts
    if guess.type not in (ColumnType.INTEGER, ColumnType.NUMBER) or not texts:
        return False
    return all(abs(float(text.replace(",", "."))) <= most for text in texts)


def _nearest(guesses: Sequence[Guess]) -> str:
    """Tell of the column with the most different values why it is none."""
    of_type = [guess for guess in guesses if guess.type in KEY_TYPES]
    if not of_type:
        return ""
    best = max(of_type, key=lambda guess: (_is_like_an_id(guess), len(guess.cells.counts)))
    cells = best.cells
    twice = next((value for value, count in cells.counts.items() if count > 1), None)
    if twice is not None:
        lines = [str(line) for line in cells.lines[twice] if line]
        where = f" (lines {' and '.join(lines)})" if len(lines) > 1 else ""
        return f" Nearest is {cells.header!r}, but more than one row has {twice[:40]!r}{where}."
    if cells.missing:
        return f" Nearest is {cells.header!r}, but {cells.missing} of the rows have no value in it."
    return f" Nearest is {cells.header!r}, but its values are too long, or empty, for a URL."


def _numbering(table: Table, source: Source) -> str:
    """Return a command that does it, as far as there is a short one."""
    name = source.path.name
    shown = shlex.quote(name)
    unpack = f"gzip -dc {shown}" if name.endswith(".gz") else f"cat {shown}"
    if not table.dialect:
        if name.removesuffix(".gz").endswith(".json"):
            program = "jq 'to_entries | map({id: (.key + 1)} + .value)' > new.json"
        else:
            program = "jq -c '{id: input_line_number} + .' > new.ndjson"
        return f", for instance by:\n  {unpack} | {program}"
    if any("\n" in value for cells in table.columns for value in cells.counts) or "utf-16" in source.encoding:
        return "."
    delimiter = "\\t" if table.dialect.delimiter == "\t" else table.dialect.delimiter
    return (
        f""", for instance by:\n  {unpack} | awk '{{ print (NR == 1 ? "id" : NR - 1) "{delimiter}" $0 }}' > new.csv"""
    )
