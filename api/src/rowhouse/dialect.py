"""Reads out of dataset.yml how a CSV file is written."""

import codecs

from rowhouse.dataset import Csv
from rowhouse.findings import Findings

_KEYS = ("delimiter", "quote", "encoding", "decimal", "missing_values")
_DECIMALS = (".", ",")


def parse_csv(content: object, findings: Findings) -> Csv:
    """Return the dialect; what is wrong is reported."""
    values = findings.mapping(content, "csv", optional=_KEYS)
    default = Csv()
    delimiter = _sign(values.get("delimiter", default.delimiter), "csv.delimiter", findings)
    quote = values.get("quote", default.quote)
    if quote != "":
        quote = _sign(quote, "csv.quote", findings)
    if delimiter == quote:
        findings.report(f"csv: delimiter and quote are both {quote!r}")
    decimal = values.get("decimal", default.decimal)
    if decimal not in _DECIMALS:
        findings.report(f"csv.decimal: must be {' or '.join(map(repr, _DECIMALS))}, not {decimal!r}")
    missing = values.get("missing_values", list(default.missing_values))
    if not isinstance(missing, list) or not all(isinstance(value, str) for value in missing):
        findings.report(
            f"csv.missing_values: must be a list of texts, in quotes where they are none to YAML: {missing!r}"
        )
        missing = []
    return Csv(
        delimiter=delimiter,
        quote=str(quote),
        encoding=_encoding(values.get("encoding", default.encoding), findings),
        decimal=str(decimal),
        missing_values=tuple(missing),
    )


def _sign(value: object, where: str, findings: Findings) -> str:
    if isinstance(value, str) and len(value) == 1 and value not in "\r\n\0":
        return value
    findings.report(f"{where}: must be one character, not {value!r}")
    return ""


def _encoding(value: object, findings: Findings) -> str:
    """Return Python's own name for the encoding, of the many that each has."""
    try:
        # Not every codec is of texts; those are refused here.
        "x".encode(str(value))
        return codecs.lookup(str(value)).name
    except (LookupError, ValueError):
        findings.report(f"csv.encoding: {value!r} is no encoding of texts, such as utf-8, iso-8859-1 or windows-1252")
        return Csv().encoding
