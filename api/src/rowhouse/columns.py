"""Reads the columns out of dataset.yml."""

import re

from rowhouse.constraints import KEYS, parse_constraints
from rowhouse.dataset import PARAMETERS, Column, ColumnType
from rowhouse.findings import Findings
from rowhouse.suggest import did_you_mean

# PostgreSQL cuts identifiers at 63 bytes.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def parse_columns(content: object, key: str, findings: Findings) -> tuple[Column, ...]:
    """Return the columns, in the file's order, as far as they can be told; `key` names the one that is the key."""
    if not isinstance(content, dict) or not content:
        findings.report("columns: must map each column's name to its type, in the order of the answer")
        return ()
    found = [_column(name, value, findings, is_key=name == key) for name, value in content.items()]
    columns = tuple(column for column in found if column)
    headers = [column.name_in_file for column in columns]
    for column in columns:
        if column.header and headers.count(column.header) > 1:
            findings.report(f"columns.{column.name}.from: {column.header!r} is in the file for another column already")
    return columns


def named_column(name: object, columns: tuple[Column, ...], where: str, findings: Findings) -> Column | None:
    """Find a column that the file names elsewhere."""
    for column in columns:
        if column.name == name:
            return column
    near = did_you_mean(str(name), [column.name for column in columns])
    findings.report(f"{where}: there is no column {name!r}.{near}")
    return None


def _column(name: object, content: object, findings: Findings, *, is_key: bool) -> Column | None:
    where = f"columns.{name}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        findings.report(
            f"{where}: a column's name is at most 63 letters, digits and underscores, a letter first. "
            "Where the file has another, name that in `from`"
        )
        return None
    if "__" in name or name in PARAMETERS:
        reason = "holds `__`, which stands before an operator" if "__" in name else "is a parameter of the API itself"
        findings.report(f"{where}: the name {reason}. Choose another and name the file's own in `from: {name}`")
    values = findings.mapping(
        content, where, required=("type",), optional=("from", "description", "unit", "required", *KEYS)
    )
    type_name = findings.text(values, "type", f"{where}.type")
    if type_name:
        findings.choice(type_name, [*ColumnType], f"{where}.type")
    required = values.get("required", is_key)
    if not isinstance(required, bool) or (is_key and not required):
        findings.report(f"{where}.required: must be true or false, and a key is always required")
    known = type_name in ColumnType
    return Column(
        name=name,
        type=ColumnType(type_name) if known else ColumnType.TEXT,
        header=_header(values, f"{where}.from", findings),
        description=findings.text(values, "description", f"{where}.description"),
        unit=findings.text(values, "unit", f"{where}.unit"),
        required=bool(required),
        **(parse_constraints(values, ColumnType(type_name), where, findings) if known else {}),
    )


def _header(values: dict[str, object], where: str, findings: Findings) -> str:
    """Return the name in the file as it is: there, space around it counts."""
    header = values.get("from", "")
    if isinstance(header, str) and (header or "from" not in values):
        return header
    findings.report(f"{where}: must be the column's name in the file, as a text, not {header!r}")
    return ""
