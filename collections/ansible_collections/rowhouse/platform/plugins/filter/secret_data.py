"""Filters for a service's Secret: its content, generated unless supplied, and how it differs from what is supplied."""

import secrets
import string
from base64 import b64decode
from collections.abc import Callable, Mapping

ALPHABET = string.ascii_letters + string.digits
LENGTH = 32


def secret_data(supplied: Mapping[str, str], formats: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the texts of a Secret.

    Args:
        supplied: Key to password; an empty one is generated: letters and digits, about 190 bits.
        formats: Key of a further entry to {key: whose password, format: text with one %s}.
    """
    passwords = {key: value or _generate() for key, value in supplied.items()}
    return passwords | {key: entry["format"] % passwords[entry["key"]] for key, entry in formats.items()}


def secret_differences(supplied: Mapping[str, str], data: Mapping[str, str]) -> list[str]:
    """Return the keys whose supplied value is not the one of the Secret's (base64) data."""
    return [key for key, value in supplied.items() if value and b64decode(data.get(key, "")).decode() != value]


def _generate() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"secret_data": secret_data, "secret_differences": secret_differences}
