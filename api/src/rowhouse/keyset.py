"""Which rows come behind a given one, as conditions for which PostgreSQL can use an index.

`a > x OR (a = x AND b > y)` says it too, but has PostgreSQL read all rows from the first on. So the rows behind are cut
into pieces, each a range of an index on the columns of the order: a beginning of equal values, then a comparison of
rows. Without nulls and with one direction a single piece is enough. The pieces follow each other in the order, so that
a page seldom needs more than the first: to merge them in SQL would have PostgreSQL look into all, and sort some.
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
    """Return conditions that together hold for the rows behind; those of one come before those of the next."""
    if not places:
        return []
    first = places[0]
    if first.value is None:
        deeper = _beneath([first.column.is_(None)], places[1:])
        return [*deeper, first.column.is_not(None)] if first.descending else deeper
    run = _comparable(places)
    deeper = _beneath([place.column == place.value for place in run], places[len(run) :])
    nulls = [first.column.is_(None)] if first.nullable and not first.descending else []
    return [*deeper, _compare(run), *nulls]


def _beneath(equal: Sequence[ColumnElement[bool]], places: Sequence[Place]) -> list[ColumnElement[bool]]:
    return [and_(*equal, piece) for piece in behind(places)]


def _comparable(places: Sequence[Place]) -> list[Place]:
    """Return the longest beginning that one comparison of rows can do, all but the nulls of its first column.

    Nulls that come last would lie between what a comparison finds, had they a place further behind in it.
    """
    first, *rest = places
    return [first, *takewhile(lambda place: _goes_on(first, place), rest)]


def _goes_on(first: Place, place: Place) -> bool:
    return place.value is not None and place.descending == first.descending and (place.descending or not place.nullable)


def _compare(run: Sequence[Place]) -> ColumnElement[bool]:
    columns = tuple_(*(place.column for place in run))
    values = tuple_(*(place.value for place in run))
    return columns < values if run[0].descending else columns > values
