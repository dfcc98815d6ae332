"""Logs as one JSON object a line on standard error."""

import logging
import os
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

import orjson

from rowhouse.access.token import mask

# What others use as a request's id: hexadecimal, UUID, base64, or parts joined by a sign.
REQUEST_ID = re.compile("[A-Za-z0-9._~:+/=-]{1,128}")

# The request that is being answered; empty outside of any.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_AT_ONCE = 64

# What a record carries by itself; anything beyond came in `extra` and is logged under its own name.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Identifiers:
    """Makes ids of requests, 32 hexadecimal digits each; to be used in one process, not before it forks."""

    def __init__(self) -> None:
        """Begin without any."""
        self._ready: list[str] = []

    def new(self) -> str:
        """Return one."""
        if not self._ready:
            # Many at once: a call of the kernel's costs more than all else about an id, and lets go of Python's lock.
            digits = os.urandom(16 * _AT_ONCE).hex()
            self._ready = [digits[i : i + 32] for i in range(0, len(digits), 32)]
        return self._ready.pop()


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON with time, level, logger, message, and whatever came in `extra`; never with a token."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return mask(orjson.dumps(entry, default=str, option=orjson.OPT_UTC_Z).decode())


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to what is logged during a request, whoever logs it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if identifier := request_id.get():
            record.request_id = identifier
        return True


def configure_logging(level: str) -> None:
    """Send everything from `level` on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RequestIdFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
