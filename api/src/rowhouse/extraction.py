"""From a SELECT to the bytes of a format, in the thread that waits for PostgreSQL.

CSV and NDJSON are written by PostgreSQL itself and come by COPY, row by row: nothing is faster. The other formats are
made of rows that a cursor on the server hands out in batches.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import IO, cast

from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from rowhouse.compression import Compressor
from rowhouse.dataset import Column
from rowhouse.formats import CSV, NDJSON, Format, Row, Selection, csv_header
from rowhouse.rendering import Expressions, csv_cells, json_object, rendered
from rowhouse.statements import Statement

# What is passed on at once. Smaller pieces cost more time, larger ones more memory.
PIECE_BYTES = 1 << 18
_BATCH_ROWS = 2000


class Pieces:
    """Gathers what is written, compresses it, and passes it on in pieces; the first as soon as there is any."""

    def __init__(self, put: Callable[[bytes], None], compressor: Compressor | None) -> None:
        """Take who gets the pieces."""
        self._put = put
        self._compressor = compressor
        self._gathered = bytearray()
        self._limit = 0
        self.bytes_passed = 0

    def write(self, data: bytes) -> int:
        """Take bytes; returns how many."""
        self._gathered += data
        if len(self._gathered) > self._limit:
            self._pass_on()
            self._limit = PIECE_BYTES
        return len(data)

    def hold(self, data: bytes) -> None:
        """Take bytes that go with the next ones, and tell nobody yet that there are any."""
        self._gathered += data

    def finish(self) -> None:
        """Pass on what is left."""
        self._pass_on()
        if self._compressor:
            self._hand_over(self._compressor.flush())

    def _pass_on(self) -> None:
        piece = bytes(self._gathered)
        self._gathered.clear()
        self._hand_over(self._compressor.compress(piece) if self._compressor else piece)

    def _hand_over(self, piece: bytes) -> None:
        if piece:
            self.bytes_passed += len(piece)
            self._put(piece)


def extract(connection: Connection, statement: Statement, selection: Selection, form: Format, pieces: Pieces) -> None:
    """Write all rows.

    Raises:
        psycopg2.Error: PostgreSQL could not.
    """
    if form in _COPIED:
        if form is CSV:
            pieces.hold(csv_header(selection.columns))
        _copy(connection, statement, selection, form, pieces)
    else:
        batches = _batches(connection, statement)
        # Before anything is written, so that a failure until then can still be told as one.
        first = next(batches, ())
        form.write(selection, chain([first], batches), pieces)


def copy_statement(text: str, columns: Sequence[Column], form: Format) -> str:
    """Return the COPY that has PostgreSQL write the rows of a SELECT as CSV or NDJSON; its placeholders stay."""
    copy, expressions = _COPIED[form]
    return copy.format(rendered(text, len(columns), expressions(columns)))


class Records:
    """A file for COPY, which writes it row by row.

    Attributes:
        write: Takes a record. As a generator's method it costs a third of one in Python, which is called for every row.
    """

    def __init__(self, pieces: Pieces, join: Callable[[list[bytes]], bytes]) -> None:
        """Take who gets the records, and what makes one text of them."""
        self._pieces = pieces
        self._join = join
        self._records: list[bytes] = []
        gathering = self._gather()
        next(gathering)
        self.write = gathering.send

    def finish(self) -> None:
        """Hand over what is left."""
        self._pieces.write(self._join(self._records))

    def _gather(self) -> Generator[None, bytes]:
        # The first one is waited for.
        self._pieces.write(self._join([(yield)]))
        records = self._records
        while True:
            size = 0
            while size < PIECE_BYTES:
                record = yield
                records.append(record)
                size += len(record)
            self._pieces.write(self._join(records))
            records.clear()


def _join_lines(records: list[bytes]) -> bytes:
    return b"".join(records)


def join_csv(records: list[bytes]) -> bytes:
    """Return records with CR LF at their ends, as RFC 4180 has it; they come with a line feed each."""
    block = b"".join(records)
    if block.count(b"\n") == len(records):
        return block.replace(b"\n", b"\r\n")
    # Some hold line feeds, in quotes, which stay as they are.
    return b"".join([record[:-1] + b"\r\n" for record in records])


def _copy(connection: Connection, statement: Statement, selection: Selection, form: Format, pieces: Pieces) -> None:
    text = copy_statement(statement.text, selection.columns, form)
    records = Records(pieces, join_csv if form is CSV else _join_lines)
    with closing(connection.cursor()) as cursor:
        # COPY takes no parameters; this puts them in just as `execute` does.
        cursor.copy_expert(cursor.mogrify(text, statement.parameters).decode(), cast("IO[bytes]", records))
    records.finish()


def _batches(connection: Connection, statement: Statement) -> Iterator[Sequence[Row]]:
    with closing(connection.cursor("export")) as cursor:
        cursor.itersize = _BATCH_ROWS
        cursor.execute(statement.text, statement.parameters)
        while rows := cursor.fetchmany(_BATCH_ROWS):
            yield rows


# The text format would double backslashes. What quotes and delimits here never stands in JSON, which escapes it.
_COPIED: Mapping[Format, tuple[str, Expressions]] = {
    CSV: ("COPY ({}) TO STDOUT WITH (FORMAT csv)", csv_cells),
    NDJSON: (r"COPY ({}) TO STDOUT WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')", json_object),
}
