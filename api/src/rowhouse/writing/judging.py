"""Asks PostgreSQL which values of a row break a rule, all at once; its own constraints would name the first alone."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Dialect, text

from rowhouse.catalog import SQL_TYPES
from rowhouse.dataset import Dataset
from rowhouse.link import Execute
from rowhouse.rules import Terms
from rowhouse.values import format_value, show
from rowhouse.writing.constraints import checks
from rowhouse.writing.problems import InvalidRowProblem


class Judge:
    """Holds rows of one dataset to its rules. That a required value is there is seen before."""

    def __init__(self, dataset: Dataset, dialect: Dialect) -> None:
        """Take whose rows they are, and whose SQL to write."""
        self._checks = tuple(checks(dataset))
        self._columns = {column.name: f"c{i}" for i, column in enumerate(dataset.columns)}
        quote = dialect.identifier_preparer.quote
        terms = Terms()
        broken = [terms.broken(check.rule, quote(check.column.name)) for check in self._checks]
        cells = []
        for column in dataset.columns:
            kind, collate, collation = SQL_TYPES[column.type].compile(dialect).partition(" COLLATE")
            cells.append(f"CAST(:{self._columns[column.name]} AS {kind}){collate}{collation} AS {quote(column.name)}")
        statement = text(f"SELECT {', '.join(broken)} FROM (SELECT {', '.join(cells)}) AS given")  # noqa: S608 - names are quoted, values bound
        self._text = str(statement.compile(dialect=dialect))
        self._values = terms.values

    def judge(self, execute: Execute, values: Mapping[str, Any]) -> None:
        """Look at the values of some columns.

        Raises:
            InvalidRowProblem: Naming each that breaks a rule.
        """
        if not self._checks:
            return
        given = {parameter: values.get(name) for name, parameter in self._columns.items()}
        (verdicts,) = execute(self._text, self._values | given)
        errors: dict[str, str] = {}
        for check, is_broken in zip(self._checks, verdicts, strict=True):
            if is_broken:
                name = check.column.name
                errors.setdefault(name, f"{check.rule.reason}: {show(format_value(values[name]))}")
        if errors:
            raise InvalidRowProblem(errors)
