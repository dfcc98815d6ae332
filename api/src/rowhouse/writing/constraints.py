"""The constraints and indexes of a writable dataset's table, by names that tell whether they are still the right ones.

A name holds a digest of what it is about: the loader knows by the names alone what is missing and what is too much, and
the API which column a violation is about.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from rowhouse.dataset import Column, Dataset
from rowhouse.rules import MISSING, Rule, rules


@dataclass(frozen=True)
class Check:
    """A rule that PostgreSQL itself holds the values of a column to."""

    name: str
    column: Column
    rule: Rule


def key_name(dataset: Dataset) -> str:
    """Name the primary key."""
    return _name("key", dataset, dataset.key)


def unique_names(dataset: Dataset) -> dict[str, Column]:
    """Name the constraints by which no two rows have the same value, without the key's."""
    columns = [column for column in dataset.columns if column.unique and column != dataset.key]
    return {_name("unique", dataset, column): column for column in columns}


def index_names(dataset: Dataset) -> dict[str, Column]:
    """Name the indexes of the columns that can be filtered by; the key, which breaks ties, is in each of them."""
    columns = [column for column in dataset.filters if column != dataset.key]
    return {_name("filter", dataset, column, dataset.key.name): column for column in columns}


def checks(dataset: Dataset) -> Iterator[Check]:
    """Yield the rules but for those with a form of their own: that a value is there, that no two are equal."""
    for column in dataset.columns:
        for rule in rules(dataset, column):
            if rule is not MISSING:
                name = _name("rule", dataset, column, column.type, rule.condition, repr(rule.value))
                yield Check(name, column, rule)


def _name(kind: str, dataset: Dataset, column: Column, *facts: str) -> str:
    # Names of indexes are of the schema, and not of the table.
    digest = hashlib.sha256("\n".join((dataset.name, column.name, *facts)).encode()).hexdigest()[:16]
    return f"{kind}_{digest}"
