"""The variables that the roles of this collection know, and the files that a user sets them in."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Unknown:
    """A variable that carries a role's prefix and that no role knows."""

    name: str
    nearest: str | None
    file: Path | None

    def __str__(self) -> str:
        where = f" in {self.file}" if self.file else ""
        hint = f" Did you mean {self.nearest}?" if self.nearest else ""
        return f"{self.name}{where}: no role knows this variable.{hint}"


def known_variables(roles_dir: Path) -> dict[str, frozenset[str]]:
    """Map each role to its public names: options of all entry points of its argument_specs, and its constants."""
    return {role.name: frozenset(_names(role)) for role in sorted(roles_dir.iterdir()) if (role / "meta").is_dir()}


def unknown_variables(
    names: Iterable[str], known: Mapping[str, frozenset[str]], folders: Iterable[Path]
) -> list[Unknown]:
    """Find the names with a role's prefix that the role does not know, each with its nearest and where it is set."""
    all_known = frozenset().union(*known.values())
    prefixes = tuple(f"{role}_" for role in known)
    folders = list(folders)
    return [
        Unknown(name, next(iter(difflib.get_close_matches(name, all_known, n=1)), None), defining_file(name, folders))
        for name in sorted(names)
        if name.startswith(prefixes) and name not in all_known
    ]


def defining_file(name: str, folders: Iterable[Path]) -> Path | None:
    """Return the first variable file below the folders that sets the name, or None."""
    line = re.compile(rf"^\s*{re.escape(name)}\s*[:=]", re.MULTILINE)
    for folder in folders:
        for path in sorted(folder.rglob("*.y*ml")):
            if line.search(path.read_text(encoding="utf-8")):
                return path
    return None


def _names(role: Path) -> Iterator[str]:
    specs = role / "meta/argument_specs.yml"
    if specs.exists():
        for entry_point in _load(specs)["argument_specs"].values():
            yield from entry_point.get("options", {})
    for path in sorted((role / "vars").rglob("*.yml")):
        yield from _load(path)


def _load(path: Path) -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return content
