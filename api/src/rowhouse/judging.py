"""Finds the rows in the table of texts that cannot be taken, and says why: by sets, so that memory stays the same."""

from sqlalchemy import Connection, Table

from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.rules import MISSING, Terms, broken, rules
from rowhouse.staging import KEPT_BYTES, Staging

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


class Judging:
    """Judges what is staged."""

    def __init__(self, connection: Connection, dataset: Dataset, table: Table, staging: Staging) -> None:
        """Take what the values have to be: `table` has their types."""
        self._connection = connection
        self._dataset = dataset
        self._staging = staging
        dialect = connection.dialect
        self._quote = dialect.identifier_preparer.quote
        self._types = {column.name: column.type.compile(dialect) for column in table.columns}

    def run(self) -> None:
        """Reject what is no value of its type, then what breaks a rule, of which only a value can be asked."""
        typed = [column for column in self._dataset.columns if column.type is not ColumnType.TEXT]
        for column in typed:
            self._connection.exec_driver_sql(_JUDGE.format(name=column.type, type=self._types[column.name]))
        casts = ", ".join(f"count({self._cast(column)})" for column in typed)
        self._connection.exec_driver_sql(_SUSPECT.format(casts=casts or "1").replace("%", "%%"))
        self._judge("_line IN (SELECT pg_temp.suspect_rows())", Terms())
        terms = Terms()
        missing = [f"{self._quote(column.name)} IS NULL" for column in self._dataset.columns if column.required]
        self._judge(" OR ".join(filter(None, [*missing, broken(self._dataset, terms, self._cast)])), terms)

    def _cast(self, column: Column) -> str:
        return f"{self._quote(column.name)}::{self._types[column.name]}"

    def _judge(self, which: str, terms: Terms) -> None:
        """Ask about each cell of some rows what is wrong with it, and reject those of which something is."""
        cells = [
            f"({place}, '{column.name}', {self._quote(column.name)}, {self._judged(column, terms)})"
            for place, column in enumerate(self._dataset.columns)
        ]
        # One reject for a row, which tells the first column that is wrong, and names the others.
        self._staging.reject(
            f"""
            WITH _asked AS MATERIALIZED (SELECT * FROM sieve_row WHERE {which})
            SELECT _line, _names[1], _texts[1],
                left(_reasons[1], {KEPT_BYTES}) ||
                    coalesce('; also refused: ' || nullif(array_to_string(_names[2:], ', '), ''), ''),
                _raw
            FROM _asked CROSS JOIN LATERAL (
                SELECT array_agg(_name ORDER BY _place) AS _names,
                    array_agg(left(_text, {KEPT_BYTES}) ORDER BY _place) AS _texts,
                    array_agg(_wrong ORDER BY _place) AS _reasons
                FROM (VALUES {", ".join(cells)}) AS _cell (_place, _name, _text, _wrong)
                WHERE _wrong IS NOT NULL
            ) AS _found
            WHERE _names IS NOT NULL
            """,  # noqa: S608 - numbers, and names that dataset.yml may have
            terms.values,
        )

    def _judged(self, column: Column, terms: Terms) -> str:
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
