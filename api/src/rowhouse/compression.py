"""Content codings: whole answers, which are kept, and streams."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from backports import zstd

# Less would not be worth its header, and fits into one packet anyhow.
LEAST_BYTES = 1024

# zlib's default for what is kept. A stream is made once and has to keep up with PostgreSQL.
_GZIP_LEVEL = 6
_GZIP_STREAM_LEVEL = 1
# zstd's own default; it keeps up by itself.
_ZSTD_LEVEL = 3
# Says zlib to write gzip's header and trailer.
_GZIP_WINDOW_BITS = 31


class Compressor(Protocol):
    """Compresses a stream, piece by piece."""

    def compress(self, data: bytes, /) -> bytes:
        """Take a piece, and return what is ready, which may be nothing."""

    def flush(self) -> bytes:
        """Return the rest."""


@dataclass(frozen=True)
class Coding:
    """One content coding.

    Attributes:
        name: As Content-Encoding names it.
        whole: Compresses at once.
        stream: Makes a compressor.
    """

    name: str
    whole: Callable[[bytes], bytes]
    stream: Callable[[], Compressor]


# In the order of preference.
CODINGS = {
    coding.name: coding
    for coding in (
        Coding("zstd", lambda body: zstd.compress(body, _ZSTD_LEVEL), lambda: zstd.ZstdCompressor(_ZSTD_LEVEL)),
        Coding(
            "gzip",
            lambda body: zlib.compress(body, _GZIP_LEVEL, _GZIP_WINDOW_BITS),
            lambda: zlib.compressobj(_GZIP_STREAM_LEVEL, wbits=_GZIP_WINDOW_BITS),
        ),
    )
}
