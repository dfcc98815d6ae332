"""The parts of a query string that name columns: filters, lists of names, groups and what is told of them.

Every mistake is a problem that names the parameter, what was given, and what would be right.
"""

import csv
from collections.abc import Iterable
from functools import cached_property

from rowhouse.dataset import Column, Dataset
from rowhouse.grouping import Function, Group, Grouping, Measure, Part, functions_of, parts_of
from rowhouse.problems import InvalidParameterProblem, Problem, UnknownParameterProblem
from rowhouse.query import Filter, Operator, filter_parameter, operators_of
from rowhouse.suggest import did_you_mean
from rowhouse.values import Value, parse_value, show

MAXIMUM_VALUES = 100


class Clauses:
    """Reads what clients write about the columns of one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        """Take the dataset."""
        self._columns = {column.name: column for column in dataset.columns}
        self._declared = {column.name: column for column in (dataset.key, *dataset.filters)}
        self._groups = {column.name: column for column in dataset.groups}

    def filter(self, name: str, text: str, parameters: tuple[str, ...]) -> Filter:
        """Read a parameter that is none of those that have a meaning of their own."""
        column_name, _, suffix = name.partition("__")
        if column_name not in self._columns:
            known = (*parameters, *self._declared)
            raise UnknownParameterProblem(
                f"{show(name)} is unknown; there are {', '.join(parameters)} and filters by "
                f"{', '.join(self._declared)}.{did_you_mean(column_name, known)}",
                parameter=name,
                allowed=known,
            )
        if column_name not in self._declared:
            raise invalid(name, f"cannot be filtered by; {self._the_columns_that_can}", self._declared)
        column = self._declared[column_name]
        filters = {filter_parameter(column, operator): operator for operator in operators_of(column)}
        if name not in filters:
            raise UnknownParameterProblem(
                f"{show(name)} is unknown; {column.name}, whose type is {column.type}, has the filters "
                f"{', '.join(filters)}.{did_you_mean(suffix, operators_of(column), f'{column.name}__')}",
                parameter=name,
                allowed=tuple(filters),
            )
        try:
            return Filter(column, filters[name], _operand(column, filters[name], text))
        except ValueError as error:
            raise invalid(name, f"{error}, not {show(text)}") from error

    def fields(self, text: str) -> tuple[Column, ...]:
        """Read which columns to show; nothing stands for all."""
        names = _names("fields", text)
        for name in names:
            if name not in self._columns:
                raise _unknown_name("fields", name, self._columns)
        if len(names) == len(self._columns):
            return ()
        return tuple(column for name, column in self._columns.items() if name in names)

    def sort(self, text: str, known: Iterable[Column]) -> list[tuple[Column, bool]]:
        """Read which of the columns to sort by, and whether each is to descend."""
        columns = {column.name: column for column in known}
        names = _names("sort", text, "-")
        for name in names:
            if name not in columns and columns.items() <= self._columns.items():
                self._declared_column("sort", name, "sorted")
            if name not in columns:
                raise _unknown_name("sort", name, columns)
        return [(columns[name], item.startswith("-")) for name, item in zip(names, text.split(","), strict=True)]

    def grouping(self, group_by: str | None, select: str | None) -> Grouping:
        """Read what to group by, and what to tell of each group."""
        by = [] if group_by is None else [self._group(name) for name in _names("group_by", group_by)]
        measures = [Measure(Function.COUNT)]
        if select is not None:
            measures = [self._measure(name) for name in _names("select", select)]
        grouping = Grouping(tuple(by), tuple(measures))
        names = [column.name for column in grouping.columns]
        for name in names:
            if names.count(name) > 1:
                raise invalid("select", f"names {name}, which group_by names too")
        return grouping

    def _group(self, name: str) -> Group:
        column_name, dot, part = name.partition(".")
        column = self._groups.get(column_name) or self._declared_column("group_by", column_name, "grouped")
        if not dot:
            return Group(column)
        parts = parts_of(column)
        if part not in parts:
            allowed = [column.name, *(f"{column.name}.{part}" for part in parts)]
            sentence = f"names {show(name)}, but {column.name}, whose type is {column.type}, can be grouped as "
            raise invalid("group_by", sentence + ", ".join(allowed), allowed, name)
        return Group(column, Part(part))

    def _measure(self, name: str) -> Measure:
        if name == Function.COUNT:
            return Measure(Function.COUNT)
        function, dot, column_name = name.partition(".")
        if not dot or function not in Function:
            sentence = f"must be count, or functions of columns such as {Function.MAX}.{next(iter(self._declared))}"
            functions = f"the functions are {', '.join(Function)}"
            raise invalid("select", f"{sentence}, not {show(name)}; {functions}", Function, function)
        column = self._declared_column("select", column_name, "told of")
        if function not in functions_of(column):
            allowed = [f"{function}.{column.name}" for function in functions_of(column)]
            sentence = f"names {show(name)}, but of {column.name}, whose type is {column.type}, there is only "
            raise invalid("select", sentence + ", ".join(allowed), allowed)
        return Measure(Function(function), column)

    def _declared_column(self, parameter: str, name: str, deed: str) -> Column:
        if name in self._declared:
            return self._declared[name]
        if name in self._columns:
            sentence = f"names {name}, which cannot be {deed} by; {self._the_columns_that_can}"
            raise invalid(parameter, sentence, self._declared)
        raise _unknown_name(parameter, name, self._declared)

    @cached_property
    def _the_columns_that_can(self) -> str:
        return f"the columns that can are {', '.join(self._declared)}"


def invalid(parameter: str, sentence: str, allowed: Iterable[str] = (), given: str = "") -> Problem:
    """Make the problem of a parameter whose name the sentence continues; what is near to `given` is suggested."""
    allowed = tuple(allowed)
    members: dict[str, object] = {"parameter": parameter}
    if allowed:
        members["allowed"] = allowed
    near = did_you_mean(given, allowed) if given else ""
    return InvalidParameterProblem(f"{parameter} {sentence}.{near}", headers=None, **members)


def _unknown_name(parameter: str, name: str, known: Iterable[str]) -> Problem:
    known = tuple(known)
    return invalid(parameter, f"names {show(name)}, but there is only {', '.join(known)}", known, name)


def _names(parameter: str, text: str, prefix: str = "") -> list[str]:
    """Return the names in a list, which is neither empty nor names anything twice."""
    names = [name.removeprefix(prefix) for name in text.split(",")]
    if "" in names:
        raise invalid(parameter, f"must be names with commas between, not {show(text)}")
    seen = set()
    for name in names:
        if name in seen:
            raise invalid(parameter, f"names {show(name)} twice")
        seen.add(name)
    return names


def _operand(column: Column, operator: Operator, text: str) -> Value | tuple[Value, ...]:
    """Read what a column is compared with; the ValueError continues the parameter's name."""
    if operator is Operator.ISNULL:
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text == "true"
    if operator is not Operator.IN:
        return parse_value(column.type, text)
    try:
        (texts,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        raise ValueError(
            "must be values with commas between; a value with a comma or a quote stands in quotes, its quotes doubled"
        ) from error
    if len(texts) > MAXIMUM_VALUES:
        raise ValueError(f"must have at most {MAXIMUM_VALUES} values")
    # They are of one type, and so can be compared.
    return tuple(sorted({parse_value(column.type, item) for item in texts or [""]}))
