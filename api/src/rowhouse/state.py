"""How a part of the installation is, in one word."""

from enum import StrEnum


class State(StrEnum):
    """Of a part that the API works with."""

    OK = "ok"
    FAILING = "failing"
    NONE = "none"
