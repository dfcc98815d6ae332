"""Reads values out of what YAML gave, and collects every mistake on the way instead of stopping at the first."""

from collections.abc import Collection
from pathlib import Path

from rowhouse.suggest import did_you_mean


class Findings:
    """The mistakes in one file.

    Attributes:
        problems: One sentence each, with the path before it.
    """

    def __init__(self, path: Path) -> None:
        """Take the path that every problem names."""
        self.problems: list[str] = []
        self._path = path

    def report(self, problem: str) -> None:
        """Note a problem; the full stop is added."""
        end = "" if problem.endswith("?") else "."
        self.problems.append(f"{self._path}: {problem}{end}")

    def mapping(
        self, content: object, where: str, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
    ) -> dict[str, object]:
        """Return those keys that are known; `where` is empty for the file as a whole."""
        place = where or "the file"
        known = required + optional
        if not isinstance(content, dict):
            self.report(f"{place}: must be a mapping with {', '.join(required or optional)}")
            return {}
        prefix = f"{where}." if where else ""
        for key in content:
            if key not in known:
                self.report(f"{prefix}{key}: no such key.{did_you_mean(str(key), known)}")
        for key in required:
            if key not in content:
                self.report(f"{place}: {key} is missing")
        return {key: value for key, value in content.items() if key in known}

    def text(self, values: dict[str, object], key: str, where: str) -> str:
        """Return a text without the space around it, empty when it is not there."""
        value = values.get(key, "")
        if not isinstance(value, str) or (key in values and not value.strip()):
            self.report(f"{where}: must be a text, not {value!r}")
            return ""
        return value.strip()

    def flag(self, values: dict[str, object], key: str, where: str) -> bool:
        """Return true or false, which is also what a missing key means."""
        value = values.get(key, False)
        if not isinstance(value, bool):
            self.report(f"{where}: must be true or false, not {value!r}")
        return value is True

    def choice(self, value: str, known: Collection[str], where: str) -> None:
        """Report a text that is none of those known."""
        if value not in known:
            self.report(f"{where}: {value!r} is none of {', '.join(known)}.{did_you_mean(value, known)}")
