"""A component's NetworkPolicy out of the table."""

from typing import Any

from ansible_collections.rowhouse.platform.plugins.filter.network_policy import network_policy, peers_at

TABLE: list[dict[str, Any]] = [
    {"from": "anyone", "to": "web", "ports": [80]},
    {"from": "scraper", "to": "web", "ports": [81]},
    {"from": "web", "to": "data", "ports": [5432]},
    {"from": "web", "to": "dns", "ports": [53], "protocols": ["UDP", "TCP"]},
]
DNS: dict[str, Any] = {"namespaceSelector": {}}
PLACES = {"anyone": None, "scraper": [], "dns": [DNS]}


def pods(name: str) -> dict[str, Any]:
    return {"matchLabels": {"app.kubernetes.io/name": name}}


def test_everybody_nobody_peers_and_components_are_told_apart() -> None:
    assert network_policy("web", TABLE, PLACES) == {
        "podSelector": pods("web"),
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": [{"protocol": "TCP", "port": 80}]}],
        "egress": [
            {"to": [{"podSelector": pods("data")}], "ports": [{"protocol": "TCP", "port": 5432}]},
            {"to": [DNS], "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
        ],
    }


def test_what_no_row_allows_is_left_to_the_types() -> None:
    assert network_policy("data", TABLE, PLACES).keys() == {"podSelector", "policyTypes", "ingress"}
    assert network_policy("other", TABLE, PLACES) == {
        "podSelector": pods("other"),
        "policyTypes": ["Ingress", "Egress"],
    }


def test_an_address_is_a_peer_and_a_name_is_none() -> None:
    assert peers_at("192.0.2.1") == [{"ipBlock": {"cidr": "192.0.2.1/32"}}]
    assert peers_at("2001:db8::1") == [{"ipBlock": {"cidr": "2001:db8::1/128"}}]
    assert peers_at("db.example.com") == peers_at("") == []
