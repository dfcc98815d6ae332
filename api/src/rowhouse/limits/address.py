"""Whose request it is, by its address."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

# What an owner of IPv6 addresses has at least, and chooses from freely (RFC 6177).
_SITE_BITS = 64
_REMEMBERED = 4096


class Addresses:
    """Tells clients apart by their addresses; those of IPv6 by their network."""

    def __init__(self, trusted_proxies: int) -> None:
        """Take how many proxies stand before the API, each of which adds to X-Forwarded-For who connected to it."""
        self._trusted_proxies = trusted_proxies
        self._network = lru_cache(_REMEMBERED)(network)

    def client_of(self, scope: Mapping[str, Any]) -> str:
        """Return the address or network of the client of an ASGI scope.

        Without the entries that the proxies make, or with one that is no address, it is that of whoever connected.
        """
        peer: str = (scope.get("client") or ("",))[0]
        if self._trusted_proxies:
            # Several fields are one (RFC 9110, 5.3).
            given = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
            entries = given.decode("latin-1").split(",")
            if len(entries) >= self._trusted_proxies:
                found = self._network(entries[-self._trusted_proxies].strip())
                if found:
                    return found
        return self._network(peer) or "unknown"


def network(text: str) -> str:
    """Return an IPv4 address, or the /64 of one of IPv6; empty for anything else. A port is left out."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        # A zone is the machine's own affair.
        return str(IPv6Network((int(address), _SITE_BITS), strict=False))
    return str(address)
