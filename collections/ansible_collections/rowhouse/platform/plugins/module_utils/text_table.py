"""Tables for people."""

from collections.abc import Sequence


def lines(*rows: Sequence[str]) -> list[str]:
    """Return the rows in columns as wide as their longest cell, two blanks between."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
