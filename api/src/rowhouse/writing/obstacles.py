"""What stands against a change of a writable dataset's table: rows that were written, how many, and what to do."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from sqlalchemy import Connection, Table, func, select, text

from rowhouse.dataset import FILE_NAME, Column, Dataset
from rowhouse.errors import LoadError
from rowhouse.rules import Terms
from rowhouse.writing.constraints import Check

if TYPE_CHECKING:
    import psycopg2.extensions


class Obstacles:
    """Looks for rows in the way of changes, and remembers what it finds."""

    def __init__(self, connection: Connection, dataset: Dataset, table: Table) -> None:
        """Take the table, which nobody else may write meanwhile."""
        self._connection = connection
        self._dataset = dataset
        self._rows = table
        self._table = connection.dialect.identifier_preparer.format_table(table)
        self._quote = connection.dialect.identifier_preparer.quote
        self._found: list[str] = []

    def refuse(self) -> None:
        """Say all that was found.

        Raises:
            LoadError: Something was.
        """
        if self._found:
            raise LoadError(
                f"{FILE_NAME} of dataset {self._dataset.name}: rows that were written are in the way. "
                "Nothing was changed. Do what is said, then load again.\n" + "\n".join(self._found)
            )

    def of_type(self, column: Column, before: str, after: str) -> None:
        """Look for values that would have to become others."""
        cell = self._quote(column.name)
        if count := self._count(f"{cell} IS NOT NULL"):
            # Their SQL is of the old type; the next load adds what is still a rule.
            drops = "".join(f"DROP CONSTRAINT {self._quote(name)}, " for name in self._checks_of(column))
            self._found.append(
                f"columns.{column.name}.type: would become {after} from {before}, but {_rows(count)} a value in it. "
                f"Convert them (replicas of the old release then answer 503): ALTER TABLE {self._table} {drops}"
                f"ALTER COLUMN {cell} TYPE {after} USING {cell}::{after.partition(' COLLATE')[0]}"
            )

    def of_absence(self, name: str) -> None:
        """Look for values that nobody would see any more."""
        cell = self._quote(name)
        if count := self._count(f"{cell} IS NOT NULL"):
            self._found.append(
                f"columns.{name}: is not in {FILE_NAME} any more, but {_rows(count)} a value in it. Put it back, or "
                f"give the values up: {self._give(cell, 'NULL')} "
                f"(before it, where it is required: ALTER TABLE {self._table} ALTER COLUMN {cell} DROP NOT NULL)"
            )

    def of_addition(self, column: Column) -> None:
        """Look for rows that would lack the value of a new column."""
        cell = self._quote(column.name)
        if column.required and (count := self._count("true")):
            self._found.append(
                f"columns.{column.name}: is new and required, but {_rows(count)} no value for it. Load it without "
                f"`required`, give each row its value ({self._give(cell)} WHERE {cell} IS NULL), "
                "and require it then"
            )

    def of_requirement(self, column: Column) -> None:
        """Look for rows without the value."""
        cell = self._quote(column.name)
        if count := self._count(f"{cell} IS NULL"):
            self._found.append(
                f"columns.{column.name}.required: {_rows(count)} no value. "
                f"Give them one: {self._give(cell)} WHERE {cell} IS NULL"
            )

    def of_uniqueness(self, column: Column) -> None:
        """Look for rows that share their value."""
        cell = self._quote(column.name)
        shared = self._shared(cell)
        if count := self._count(f"{cell} IN ({shared})"):
            self._found.append(
                f"columns.{column.name}.unique: {_rows(count)} the value of another row. "
                f"Change them; these are the values: {shared}"
            )

    def of_rule(self, check: Check) -> None:
        """Look for values that break a rule."""
        terms = Terms()
        broken = terms.broken(check.rule, self._quote(check.column.name))
        if count := self._count(broken, terms.values):
            key = self._quote(self._dataset.key.name)
            found = self._written_out(f"SELECT {key} FROM {self._table} WHERE {broken}", terms.values)  # noqa: S608
            self._found.append(
                f"columns.{check.column.name}: {_rows(count)} a value that {check.rule.reason}. "
                f"Change them, or the rule; these are the rows: {found}"
            )

    def of_key(self, another: str | None) -> None:
        """Look for rows that have another key.

        Args:
            another: Name of the constraint that is the key by now; None when there is none.
        """
        cell = self._quote(self._dataset.key.name)
        if another:
            if count := self._count("true"):
                self._found.append(
                    f"key: would become {self._dataset.key.name}, but {_rows(count)} another, by which they are known. "
                    f"If links to them may break: ALTER TABLE {self._table} DROP CONSTRAINT {self._quote(another)}"
                )
            return
        shared = self._shared(cell)
        if count := self._count(f"{cell} IS NULL OR {cell} IN ({shared})"):
            self._found.append(f"key: {_rows(count)} no {self._dataset.key.name} of their own. Give them one")

    def _give(self, cell: str, value: str = "…") -> str:
        """Return the beginning of what gives rows another value, for people."""
        return f"UPDATE {self._table} SET {cell} = {value}"  # noqa: S608 - to be read

    def _shared(self, cell: str) -> str:
        """Return what asks for the values that several rows have."""
        return f"SELECT {cell} FROM {self._table} GROUP BY {cell} HAVING count(*) > 1"  # noqa: S608 - names are quoted

    def _checks_of(self, column: Column) -> list[str]:
        names = text(
            "SELECT conname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey) "
            "WHERE conrelid = to_regclass(:table) AND contype = 'c' AND attname = :column"
        )
        return [*self._connection.scalars(names, {"table": self._table, "column": column.name})]

    def _count(self, condition: str, values: Mapping[str, object] = MappingProxyType({})) -> int:
        statement = select(func.count()).select_from(self._rows).where(text(condition))
        return int(self._connection.scalar(statement, dict(values)) or 0)

    def _written_out(self, statement: str, values: Mapping[str, object]) -> str:
        """Return a statement with the values in it, for people to copy."""
        compiled = str(text(statement).compile(dialect=self._connection.dialect))
        driver = cast("psycopg2.extensions.connection", self._connection.connection.driver_connection)
        with driver.cursor() as cursor:
            return str(cursor.mogrify(compiled, dict(values)).decode())


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count} rows have"
