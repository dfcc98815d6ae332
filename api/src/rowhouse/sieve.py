"""Takes the rows of a file one by one, when they cannot all be taken: tells the good from those that are rejected.

Rows first go into a table of texts, each with its line, and whatever is wrong is then found by sets in PostgreSQL. So
memory stays the same for any number of rows and rejects.
"""

from collections.abc import Generator, Mapping
from types import MappingProxyType

from sqlalchemy import BigInteger, Column, Connection, Table, Text, func, select, text
from sqlalchemy.schema import CreateTable

from rowhouse.copying import copy_from
from rowhouse.datafile import DataFile
from rowhouse.dataset import FILE_NAME, ColumnType, Dataset
from rowhouse.dataset import Column as DatasetColumn
from rowhouse.errors import LoadError
from rowhouse.rejects import Reject, Rejects, reject_table, temporary
from rowhouse.rules import MISSING, Terms, rules, unique_columns

# What is kept of a reject, and how many are shown: a message is read in a log's last lines.
_KEPT_BYTES = 1000
_EXAMPLES = 10

# Says why a text is no value of a type, with the words of PostgreSQL, or nothing.
_JUDGE = """
CREATE OR REPLACE FUNCTION pg_temp.judge_{name}(value text) RETURNS text LANGUAGE plpgsql STRICT AS $judge$
DECLARE
  cell {type};
BEGIN
  cell := value::{type};
  RETURN NULL;
EXCEPTION WHEN data_exception THEN
  RETURN 'was refused: ' || SQLERRM;
END
$judge$
"""

# Finds the rows that lie on a page with a text that is no value of its type. To catch an error costs much more than to
# look at a page of rows, so that judges are asked about few.
_SUSPECT = """
CREATE OR REPLACE FUNCTION pg_temp.suspect_rows() RETURNS SETOF bigint LANGUAGE plpgsql AS $suspect$
DECLARE
  _page bigint := 0;
  _pages bigint := pg_relation_size('pg_temp.sieve_row') / current_setting('block_size')::bigint;
  _first tid;
  _behind tid;
BEGIN
  WHILE _page < _pages LOOP
    _first := format('(%s,0)', _page);
    _page := _page + 1;
    _behind := format('(%s,0)', _page);
    BEGIN
      PERFORM {casts} FROM pg_temp.sieve_row WHERE ctid >= _first AND ctid < _behind;
    EXCEPTION WHEN data_exception THEN
      RETURN QUERY SELECT _line FROM pg_temp.sieve_row WHERE ctid >= _first AND ctid < _behind;
    END;
  END LOOP;
END
$suspect$
"""


class Sieve:
    """Fills one table with those rows of a file that can be taken, inside the caller's transaction."""

    def __init__(self, connection: Connection, dataset: Dataset, table: Table, file: DataFile) -> None:
        """Take the connection of the open transaction, and the table that is there, and empty."""
        self._connection = connection
        self._dataset = dataset
        self._table = table
        self._file = file
        dialect = connection.dialect
        self._quote = dialect.identifier_preparer.quote
        self._table_name = dialect.identifier_preparer.format_table(table)
        self._types = {column.name: column.type.compile(dialect) for column in table.columns}
        # No column of a dataset begins like these three.
        texts = [Column(name, Text) for name in ("_raw", "_reason", *file.columns())]
        self._rows = temporary("sieve_row", Column("_line", BigInteger), *texts)
        self._rejects = reject_table()

    def run(self) -> tuple[int, Rejects]:
        """Fill the table; returns the number of rows in it, and the rejects.

        Raises:
            LoadError: There are more rejects than the dataset allows, or nothing else.
        """
        for table in (self._rows, self._rejects):
            self._connection.execute(CreateTable(table))
        self._stage()
        self._reject("SELECT _line, NULL, NULL, _reason, _raw FROM sieve_row WHERE _reason IS NOT NULL")
        self._judge_cells()
        self._judge_uniques()
        rejects = self._found()
        if rejects.count > self._dataset.max_rejects:
            raise LoadError(
                f"{self._file.path}: rejected rows: {rejects.count}, allowed by max_rejects in {FILE_NAME}: "
                f"{self._dataset.max_rejects}. Nothing was changed. Correct the rows, or raise max_rejects to load "
                f"without them:\n{rejects}"
            )
        rows = self._move()
        if rejects.count and not rows:
            raise LoadError(f"{self._file.path}: every row was rejected. Nothing was changed. Correct them:\n{rejects}")
        return rows, rejects

    def _stage(self) -> None:
        names = ", ".join(self._quote(name) for name in self._rows.columns.keys())  # noqa: SIM118 - not a dict
        copy_from(
            self._connection,
            f"COPY sieve_row ({names}) FROM STDIN WITH (FORMAT csv, ENCODING 'UTF8')",
            self._staged(len(self._types)),
        )

    def _staged(self, fields: int) -> Generator[bytes]:
        """Yield each row as CSV with line, raw row and what is wrong with it as a whole before its own fields."""
        for record in self._file.records():
            line, raw = record.line, _kept(record.raw)
            if record.fault:
                yield b'%d,"%s","%s",%s\n' % (line, raw, _kept(record.fault.encode()), b"," * (fields - 1))
            else:
                yield b'%d,"%s",,%s\n' % (line, raw, record.fields)

    def _judge_cells(self) -> None:
        """Reject what is no value of its type, then what breaks a rule, of which only a value can be asked."""
        typed = [column for column in self._dataset.columns if column.type is not ColumnType.TEXT]
        for column in typed:
            self._connection.exec_driver_sql(_JUDGE.format(name=column.type, type=self._types[column.name]))
        casts = ", ".join(f"count({self._cast(column)})" for column in typed)
        self._connection.exec_driver_sql(_SUSPECT.format(casts=casts or "1").replace("%", "%%"))
        self._judge("_line IN (SELECT pg_temp.suspect_rows())", Terms())
        terms = Terms()
        broken = [
            terms.broken(rule, self._cast(column))
            for column in self._dataset.columns
            for rule in rules(self._dataset, column)
        ]
        self._judge(" OR ".join(broken), terms)

    def _cast(self, column: DatasetColumn) -> str:
        return f"{self._quote(column.name)}::{self._types[column.name]}"

    def _judge(self, which: str, terms: Terms) -> None:
        """Ask about each cell of some rows what is wrong with it, and reject those of which something is."""
        cells = [
            f"({place}, '{column.name}', {self._quote(column.name)}, {self._judged(column, terms)})"
            for place, column in enumerate(self._dataset.columns)
        ]
        # One reject for a row, which tells the first column that is wrong, and names the others.
        self._reject(
            f"""
            WITH _asked AS MATERIALIZED (SELECT * FROM sieve_row WHERE {which})
            SELECT _line, _names[1], _texts[1],
                left(_reasons[1], {_KEPT_BYTES}) ||
                    coalesce('; also refused: ' || nullif(array_to_string(_names[2:], ', '), ''), ''),
                _raw
            FROM _asked CROSS JOIN LATERAL (
                SELECT array_agg(_name ORDER BY _place) AS _names,
                    array_agg(left(_text, {_KEPT_BYTES}) ORDER BY _place) AS _texts,
                    array_agg(_wrong ORDER BY _place) AS _reasons
                FROM (VALUES {", ".join(cells)}) AS _cell (_place, _name, _text, _wrong)
                WHERE _wrong IS NOT NULL
            ) AS _found
            WHERE _names IS NOT NULL
            """,  # noqa: S608 - numbers, and names that dataset.yml may have
            terms.values,
        )

    def _judged(self, column: DatasetColumn, terms: Terms) -> str:
        """Return SQL that says what is wrong with a column's text, or gives null."""
        cell, value = self._quote(column.name), self._cast(column)
        cases = [
            f"WHEN {terms.broken(rule, cell if rule is MISSING else value)} THEN {terms.bind(rule.reason)}"
            for rule in rules(self._dataset, column)
        ]
        if column.type is not ColumnType.TEXT:
            judge = f"pg_temp.judge_{column.type}({cell})"
            # Only what has the type can be asked about rules, but a missing value needs no judge.
            cases.insert(1 if column.required else 0, f"WHEN {judge} IS NOT NULL THEN {judge}")
        return f"CASE {' '.join(cases)} END" if cases else "NULL"

    def _judge_uniques(self) -> None:
        """Reject every row that has the key, or another unique value, of an earlier one.

        The first one stays: that is what is left when somebody takes the repeated rows out of the file, and a key
        that the file has is then never missing from the answers.
        """
        for column, reason in unique_columns(self._dataset):
            cell, value = self._quote(column.name), self._cast(column)
            said = reason.format(f"{self._file.unit} ' || _first || '")
            self._reject(
                f"""
                SELECT _line, '{column.name}', left({cell}, {_KEPT_BYTES}), '{said}', _raw
                FROM sieve_row JOIN (
                    SELECT {value} AS _value, min(_line) AS _first
                    FROM sieve_row WHERE {cell} IS NOT NULL GROUP BY _value HAVING count(*) > 1
                ) AS _same ON {value} = _value
                WHERE _line > _first
                """  # noqa: S608 - as above
            )

    def _reject(self, found: str, values: Mapping[str, object] = MappingProxyType({})) -> None:
        """Move rows to the rejects; `found` selects line, column, value, reason and raw row."""
        self._connection.execute(text(f"INSERT INTO sieve_reject {found}"), values)
        self._connection.exec_driver_sql(
            "DELETE FROM sieve_row USING sieve_reject WHERE sieve_row._line = sieve_reject.line"
        )

    def _found(self) -> Rejects:
        count = self._connection.scalars(select(func.count()).select_from(self._rejects)).one()
        first = self._connection.execute(select(self._rejects).order_by(self._rejects.c.line).limit(_EXAMPLES))
        return Rejects(count, [Reject(**row._mapping, unit=self._file.unit) for row in first])

    def _move(self) -> int:
        names = ", ".join(self._quote(name) for name in self._types)
        values = ", ".join(f"{self._quote(name)}::{sql_type}" for name, sql_type in self._types.items())
        statement = f"INSERT INTO {self._table_name} ({names}) SELECT {values} FROM sieve_row"  # noqa: S608 - as above
        return self._connection.exec_driver_sql(statement).rowcount


def _kept(record: bytes) -> bytes:
    """Return the row, or its beginning, for between quotes."""
    text = record[:_KEPT_BYTES].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return text.replace('"', '""').encode()
