"""The text of an API key: how one is made, how it is told from other texts, and what is kept of it.

`rh_`, 8 characters that name the key, 24 of the secret (142 bits), 6 that check all of it; base 62. The form is
GitHub's ("Behind GitHub's new authentication token formats", 2021): scanners for secrets find it by its beginning, and
one that was mistyped is told from one that is unknown without asking for it.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from typing import Self

PREFIX = "rh_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_NAME_LENGTH = 8
_SECRET_LENGTH = 24
# 62 ** 6 is more than CRC-32 has values.
_CHECK_LENGTH = 6

ID = re.compile(f"[0-9A-Za-z]{{{_NAME_LENGTH}}}")
DIGEST = re.compile("[0-9a-f]{64}")
_FORM = re.compile(f"{PREFIX}[0-9A-Za-z]{{{_NAME_LENGTH + _SECRET_LENGTH + _CHECK_LENGTH}}}")
# A part of one is enough, as it may have been cut or joined with something.
_SEEN = re.compile(f"{PREFIX}([0-9A-Za-z]{{{_NAME_LENGTH}}})[0-9A-Za-z]{{8,}}")


@dataclass(frozen=True)
class Token:
    """A key's text, which only its holder knows.

    Attributes:
        text: All of it.
    """

    text: str = field(repr=False)

    @classmethod
    def make(cls) -> Self:
        """Make a new one."""
        beginning = PREFIX + "".join(secrets.choice(_DIGITS) for _ in range(_NAME_LENGTH + _SECRET_LENGTH))
        return cls(beginning + _check(beginning))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the token, or None for a text that cannot be one."""
        if not _FORM.fullmatch(text) or _check(text[:-_CHECK_LENGTH]) != text[-_CHECK_LENGTH:]:
            return None
        return cls(text)

    @property
    def id(self) -> str:
        """What names the key, in lists and logs."""
        return self.text[len(PREFIX) : len(PREFIX) + _NAME_LENGTH]

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal, which is all that is kept. There are too many secrets to try: see ADR 17."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def mask(text: str) -> str:
    """Return a text with no more of any token in it than the id."""
    return _SEEN.sub(rf"{PREFIX}\1…", text) if PREFIX in text else text


def _check(beginning: str) -> str:
    number = zlib.crc32(beginning.encode())
    digits = ""
    for _ in range(_CHECK_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
