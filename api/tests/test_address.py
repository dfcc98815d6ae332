"""Whose request it is."""

import pytest
from rowhouse.limits.address import Addresses, network


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:8080", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:ffff::1]:443", "2001:db8:1:2::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("::1", "::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", ""),
        ("_hidden:80", ""),
        ("192.0.2.1, 192.0.2.2", ""),
        ("[", ""),
        ("٣.1.1.1", ""),
    ],
)
def test_networks(text: str, found: str) -> None:
    assert network(text) == found


def scope(forwarded: str | None, peer: tuple[str, int] | None = ("198.51.100.9", 1234)) -> dict[str, object]:
    """Return what an ASGI server tells of a request."""
    sent = [] if forwarded is None else forwarded.split("|")
    return {"client": peer, "headers": [(b"x-forwarded-for", each.encode()) for each in sent]}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (0, None, "198.51.100.9"),
        (0, "192.0.2.1", "198.51.100.9"),
        (1, "192.0.2.1", "192.0.2.1"),
        # Whatever the client wrote itself stands before what the proxies did.
        (1, "203.0.113.7, 192.0.2.1", "192.0.2.1"),
        (2, "203.0.113.7,192.0.2.1 , 10.0.0.1", "192.0.2.1"),
        (2, "203.0.113.7, 192.0.2.1|10.0.0.1", "192.0.2.1"),
        # Past the proxies, or with less of them.
        (1, None, "198.51.100.9"),
        (1, "", "198.51.100.9"),
        (2, "192.0.2.1", "198.51.100.9"),
        (1, "192.0.2.1, unknown", "198.51.100.9"),
    ],
)
def test_only_the_entries_of_trusted_proxies_count(proxies: int, forwarded: str | None, client: str) -> None:
    assert Addresses(proxies).client_of(scope(forwarded)) == client


def test_a_client_without_an_address_is_one_of_them_all() -> None:
    assert Addresses(0).client_of(scope(None, peer=None)) == "unknown"
