"""A first dataset.yml for a file: what can be seen is written down, and what cannot is asked for."""

import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

import yaml

from rowhouse.dataset import FILE_NAME, ColumnType
from rowhouse.description import read_datasets
from rowhouse.errors import DatasetError
from rowhouse.infer.choices import Guess, find_filters, find_key, find_point
from rowhouse.infer.csvtable import read_csv
from rowhouse.infer.jsontable import read_json
from rowhouse.infer.names import column_names, split_unit, title_from
from rowhouse.infer.remarks import remarks
from rowhouse.infer.source import Source, read_source
from rowhouse.infer.tables import Table
from rowhouse.infer.values import Notation, find_notation, type_in_json, type_of

_NOTES_SHOWN = 3


def inspect(path: Path, name: str = "table") -> str:
    """Return the text of a dataset.yml for the file, which the API's own parser takes.

    Args:
        path: CSV, JSON or NDJSON, plain or gzip.
        name: Of the dataset, which is its folder's.

    Raises:
        InspectionError: The file is no table, or has no column that can be the key.
        DatasetError: The name is none for a dataset.
    """
    source = read_source(path)
    table = _read(source)
    notation = find_notation([cells.counts for cells in table.columns]) if table.dialect else Notation()
    guesses = [
        Guess(
            column,
            type_in_json(cells.kinds, cells.counts) if cells.kinds else type_of(cells.counts, notation),
            split_unit(cells.header)[1],
            cells,
        )
        for column, cells in zip(
            column_names(cells.header for cells in table.columns),
            (cells.without(notation.missing) for cells in table.columns),
            strict=True,
        )
    ]
    text = "\n".join(_lines(source, table, notation, guesses)) + "\n"
    _check(text, name)
    return text


def _read(source: Source) -> Table:
    extension = PurePath(source.path.name.removesuffix(".gz")).suffix
    if extension in (".json", ".ndjson", ".jsonl"):
        return read_json(source, as_lines=extension != ".json")
    return read_csv(source)


def _lines(source: Source, table: Table, notation: Notation, guesses: Sequence[Guess]) -> Iterator[str]:
    key = find_key(guesses, table, source)
    filters = find_filters(guesses, key, table)
    point = find_point(guesses)
    yield from _beginning(source, table)
    yield _yaml("title", title_from(source.path.name))
    yield "# description: What the rows are."
    yield "# source: Where they come from, and under which terms."
    yield _yaml("file", source.path.name)
    options = _csv_options(source, table, notation)
    if options:
        if notation.missing:
            yield "# What is in missing_values stands for nothing in every column, also in those of text."
        yield _yaml("csv", options)
    seen = "" if table.complete else " seen"
    yield f"# The key: each of the {table.rows:,} rows{seen} has a value of its own here. Will it always?"
    yield _yaml("key", key.name)
    if filters:
        yield "# Clients may filter, sort and group by these; each costs an index."
        yield _yaml("filters", [guess.name for guess in filters])
    if point:
        yield _yaml("point", {"longitude": point[0].name, "latitude": point[1].name})
    yield "columns:"
    for guess in guesses:
        for remark in remarks(guess, notation):
            yield f"  # {remark}"
        values: dict[str, object] = {} if guess.name == guess.cells.header else {"from": guess.cells.header}
        values["type"] = str(ColumnType.NUMBER if point and guess in point else guess.type)
        if guess.unit and guess.type in (ColumnType.INTEGER, ColumnType.NUMBER):
            values["unit"] = guess.unit
        if guess is not key and not guess.cells.missing:
            values["required"] = True
        yield textwrap.indent(_yaml(guess.name, values), "  ")


def _beginning(source: Source, table: Table) -> Iterator[str]:
    many = f"all {table.rows:,}" if table.complete else f"a sample of {table.rows:,}"
    rows = f"{many} rows of {source.path.name!r}"
    yield f"# Written by `rowhouse inspect` from {rows}. Read it through, and correct it:"
    if table.complete:
        yield "# types, `required` and the key are what these rows allow. docs/datasets.md says what else there is."
    else:
        yield "# types, `required` and the key are what this sample allows, while a load checks every row."
        yield "# docs/datasets.md says what else there is."
    for note in table.notes[:_NOTES_SHOWN]:
        yield f"# {note}: a load rejects it. Mend it, or allow for it by max_rejects."
    more = len(table.notes) - _NOTES_SHOWN
    if more > 0:
        yield f"# {more:,} more row{' like that was' if more == 1 else 's like that were'} seen."


def _csv_options(source: Source, table: Table, notation: Notation) -> dict[str, object]:
    """Return what a load has to be told of a file that is not CSV with comma and point in UTF-8."""
    options: dict[str, object] = {}
    if table.dialect is None:
        return options
    if table.dialect.delimiter != ",":
        options["delimiter"] = table.dialect.delimiter
    if table.dialect.quote != '"':
        options["quote"] = table.dialect.quote
    if source.encoding != "utf-8":
        options["encoding"] = source.encoding
    if notation.decimal != ".":
        options["decimal"] = notation.decimal
    if notation.missing:
        options["missing_values"] = ["", *sorted(notation.missing)]
    return options


def _yaml(name: str, value: object) -> str:
    """Return one key with its value, quoted where YAML needs it."""
    flow = isinstance(value, list) or (isinstance(value, dict) and name in ("csv", "point"))
    shown = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True, sort_keys=False, width=10_000)
    shown = shown.removesuffix("\n").removesuffix("\n...")
    if isinstance(value, dict) and not flow:
        shown = "\n" + textwrap.indent(shown, "  ")
    return f"{yaml.safe_dump(name).partition(chr(10))[0]}:{'' if shown.startswith(chr(10)) else ' '}{shown}"


def _check(text: str, name: str) -> None:
    """Have the parser that a load uses read it."""
    if "/" in name:
        raise DatasetError([f"{name!r}: a dataset's name is that of a folder, and holds no slash."])
    with tempfile.TemporaryDirectory(prefix="rowhouse-inspect-") as folder:
        place = Path(folder) / name
        place.mkdir()
        (place / FILE_NAME).write_text(text, encoding="utf-8")
        try:
            read_datasets(Path(folder))
        except DatasetError as error:
            raise DatasetError([problem.removeprefix(f"{folder}/") for problem in error.problems]) from error
