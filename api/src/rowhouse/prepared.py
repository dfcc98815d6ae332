"""Statements that are kept ready on a connection, so that only their values are sent."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy.pool import PoolProxiedConnection

if TYPE_CHECKING:
    from rowhouse.link import Rows

# Each takes some ten kilobytes of PostgreSQL's memory. A dataset has as many as it has filters, and twice.
_KEPT = 64
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
# Among what SQLAlchemy keeps with a connection: what runs a statement, by its text.
_READY = "ready"


class Prepared:
    """Runs statements that it prepares when they first come. Texts have placeholders only, and no percent signs."""

    def __init__(
        self, execute: Callable[[PoolProxiedConnection, str, Mapping[str, Any]], list[tuple[Any, ...]]]
    ) -> None:
        """Take what runs a statement on a connection."""
        self._execute = execute

    def execute(self, connection: PoolProxiedConnection, statement: str, parameters: Mapping[str, Any]) -> "Rows":
        """Run one; parameters that it has no placeholder for are left over."""
        ready: dict[str, str] = connection.info.setdefault(_READY, {})
        call = ready.get(statement)
        if call is None:
            if len(ready) >= _KEPT:
                self._execute(connection, "DEALLOCATE ALL", {})
                ready.clear()
            names = list(dict.fromkeys(_PLACEHOLDER.findall(statement)))
            name = f"rowhouse_{len(ready)}"
            text = statement % {name: f"${i}" for i, name in enumerate(names, 1)}
            self._execute(connection, f"PREPARE {name} AS {text}", {})
            call = ready[statement] = f"EXECUTE {name} ({', '.join(f'%({name})s' for name in names)})"
        return self._execute(connection, call, parameters)
