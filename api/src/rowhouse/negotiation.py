"""What a client can take, out of Accept and Accept-Encoding (RFC 9110, 12.4 and 12.5).

These fields are read generously: an item that makes no sense is as if it were not there, and so is a field without any
item that does. Parameters of a media type other than q are not compared.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE = re.compile(rf"{_WORD}/{_WORD}")
_CODING = re.compile(_WORD)
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


class Media(Protocol):
    """Whatever has a media type."""

    @property
    def media_type(self) -> str:
        """Type and subtype, without parameters."""


def choose_media[T: Media](accept: str | None, offers: Sequence[T]) -> T | None:
    """Return the offer that the client likes best, the first one of equals; None when it takes none of them."""
    ranges = _weights(accept, _RANGE)
    if not ranges:
        return offers[0]
    best = max(offers, key=lambda offer: _media_weight(ranges, offer.media_type))
    return best if _media_weight(ranges, best.media_type) > 0 else None


@lru_cache(maxsize=256)
def choose_coding(accept_encoding: str | None, offers: tuple[str, ...]) -> str | None:
    """Return the coding that the client likes best, the first one of equals, or `identity`; None when it takes neither.

    Args:
        accept_encoding: The field; None when it was not sent.
        offers: The codings that there are, without `identity`, which comes last among equals.
    """
    weights = _weights(accept_encoding, _CODING)
    if "x-gzip" in weights:
        weights.setdefault("gzip", weights["x-gzip"])
    every = weights.get("*", 0.0)
    # What is not named is not wanted. Only identity then is the way out, unless `*;q=0` rules it out too.
    best = max(offers, key=lambda coding: weights.get(coding, every), default="identity")
    weight = weights.get(best, every)
    identity = weights.get("identity", every if "*" in weights else None)
    if weight > 0 and weight >= (identity or 0):
        return best
    return None if identity == 0 else "identity"


def _media_weight(ranges: dict[str, float], media_type: str) -> float:
    """Return the weight of the most specific range that the type is in."""
    for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0


def _weights(field: str | None, kind: re.Pattern[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for item in (field or "").split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = "1"
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weight = value.strip()
        if kind.fullmatch(name) and _WEIGHT.fullmatch(weight):
            # Of what is there twice, the greater one.
            weights[name] = max(float(weight), weights.get(name, 0.0))
    return weights
