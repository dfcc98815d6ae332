"""Which rows come behind a given one, as conditions for which PostgreSQL can use an index.

`a > x OR (a = x AND b > y)` says it too, but has PostgreSQL read all rows from the first on. So the rows behind are cut
into pieces, each a range of an index on the columns of the order: a beginning of equal values, then a comparison of
rows. Without nulls and with one direction a single piece is enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, and_, tuple_


@dataclass(frozen=True)
class Place:
    """One column of an order, and what the row that is followed has in it.

    Attributes:
        column: The column, as SQL.
        descending: Its direction. Nulls are the greatest, so that they come first here, and else last.
        nullable: Whether it has nulls.
        value: The row's value, as SQL; None where it is null.
    """

    column: ColumnElement[Any]
    descending: bool
    nullable: bool
    value: ColumnElement[Any] | None


def behind(places: Sequence[Place]) -> list[ColumnElement[bool]]:
    """Return conditions, none of which hold for the same row, that together hold for the rows behind."""
    pieces: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    rest = list(places)
    while rest:
        first = rest[0]
        if first.value is None:
            if first.descending:
                pieces.append(and_(*equal, first.column.is_not(None)))
            equal.append(first.column.is_(None))
            rest = rest[1:]
            continue
        run = _comparable(rest)
        pieces.append(and_(*equal, _compare(run)))
        for place in run:
            if place.nullable and not place.descending:
                pieces.append(and_(*equal, place.column.is_(None)))
            equal.append(place.column == place.value)
        rest = rest[len(run) :]
    return pieces


def _comparable(places: Sequence[Place]) -> list[Place]:
    """Return the longest beginning that one comparison of rows can do."""
    descending = places[0].descending
    return list(takewhile(lambda place: place.value is not None and place.descending == descending, places))


def _compare(run: Sequence[Place]) -> ColumnElement[bool]:
    columns = tuple_(*(place.column for place in run))
    values = tuple_(*(place.value for place in run))
    return columns < values if run[0].descending else columns > values
