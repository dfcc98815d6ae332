"""Copies rows in batches into their table: those that PostgreSQL takes are in, and the others are told apart.

When COPY stops, PostgreSQL names the line. So the rows before it are copied again, and those behind it on their own.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import accumulate

import psycopg2
from sqlalchemy import Connection, Table

from rowhouse.copying import copy_from, savepoint
from rowhouse.opening import NotPlainError, Record

# A batch of which more is refused is given up: to look at each row costs no more than many tries.
_TRIES = 8
_ROWS_SENT = 300


class Parting:
    """Fills one table that keeps the lines, see `Shape`.

    Attributes:
        taken: How many rows are in by now.
    """

    def __init__(self, connection: Connection, table: Table, columns: Iterable[str]) -> None:
        """Take the table, and what columns the fields of a row are for."""
        self._connection = connection
        quote = connection.dialect.identifier_preparer
        names = ", ".join(["_line", *(quote.quote(name) for name in columns)])
        self._copy = f"COPY {quote.format_table(table)} ({names}) FROM STDIN WITH (FORMAT csv, ENCODING 'UTF8')"
        # "COPY air_v1, line 7, column id": the words are of the server's language.
        self._place = re.compile(rf"{re.escape(table.name)}\D*(\d+)")
        self.taken = 0

    def refused(self, batches: Iterable[list[Record]]) -> Iterator[Record]:
        """Copy, and yield the rows that are not in: those that are refused, and some of which that is not known."""
        prepared = _Prepared(batches)
        for batch in prepared:
            yield from (record for record in batch if record.fault)
            waiting = [[record for record in batch if not record.fault]]
            tries = 0
            while waiting:
                part = waiting.pop()
                if tries == _TRIES:
                    yield from part
                elif part and (place := self._first_refused(part, prepared.prepare)) is not None:
                    tries += 1
                    yield part[place]
                    waiting += [part[place + 1 :], part[:place]]

    def _first_refused(self, part: list[Record], meanwhile: Callable[[], None]) -> int | None:
        """Copy all rows or none; returns the place of the one that PostgreSQL names, as far as that can be told."""
        try:
            # What is refused is undone to here.
            with savepoint(self._connection):
                taken = copy_from(self._connection, self._copy, _numbered(part, meanwhile))
                if taken != len(part):
                    raise NotPlainError("rows that COPY sees as others")
        except NotPlainError:
            return 0
        except (psycopg2.DataError, psycopg2.IntegrityError) as error:
            found = self._place.search(error.diag.context or "")
            return _place(part, int(found[1])) if found else 0
        self.taken += taken
        return None


class _Prepared:
    """Batches, of which the next one may be made before it is asked for."""

    def __init__(self, batches: Iterable[list[Record]]) -> None:
        self._batches = iter(batches)
        self._next: list[Record] | None = None

    def prepare(self) -> None:
        if self._next is None:
            self._next = next(self._batches, [])

    def __iter__(self) -> Iterator[list[Record]]:
        while True:
            self.prepare()
            batch, self._next = self._next, None
            if not batch:
                return
            yield batch


def _numbered(part: list[Record], meanwhile: Callable[[], None]) -> Generator[bytes]:
    # PostgreSQL is at work on the first ones while the others are made, and then the next batch. A thread would not do:
    # it holds Python when an answer is there.
    for first in range(0, len(part), _ROWS_SENT):
        yield b"".join([b"%d,%b\n" % (line, fields) for line, _, fields, _ in part[first : first + _ROWS_SENT]])
    meanwhile()


def _place(part: list[Record], line: int) -> int:
    """Return which row has a line that is counted from the first one's, which is 1."""
    ends = accumulate(record.fields.count(b"\n") + 1 for record in part)
    return next((place for place, end in enumerate(ends) if end >= line), 0)
