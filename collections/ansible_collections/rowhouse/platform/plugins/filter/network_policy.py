"""Filters for NetworkPolicies: a component's rows of the table as a spec, and an address as a peer."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

type Peers = Sequence[Mapping[str, Any]] | None


def network_policy(
    component: str, table: Sequence[Mapping[str, Any]], places: Mapping[str, Peers]
) -> dict[str, object]:
    """Return the spec of the component's NetworkPolicy: what its rows allow, and nothing else in either direction.

    Args:
        component: Label app.kubernetes.io/name of its pods.
        table: Rows {from, to, ports, protocols: TCP alone unless stated}.
        places: Name in the table to its peers: None for everybody, empty for nobody. Other names are components.
    """
    rules = {
        "ingress": _rules("from", [(row["from"], row) for row in table if row["to"] == component], places),
        "egress": _rules("to", [(row["to"], row) for row in table if row["from"] == component], places),
    }
    # The types alone refuse the rest. A cluster would drop an empty list of rules, and a diff would show that.
    types = {"podSelector": _pods(component), "policyTypes": ["Ingress", "Egress"]}
    return types | {direction: allowed for direction, allowed in rules.items() if allowed}


def peers_at(host: str) -> list[dict[str, object]]:
    """Return the peer that an IP address is; nothing for a name, which no NetworkPolicy knows."""
    try:
        address = ip_address(host)
    except ValueError:
        return []
    return [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}]


def _rules(
    direction: str, ends: Sequence[tuple[str, Mapping[str, Any]]], places: Mapping[str, Peers]
) -> list[dict[str, object]]:
    rules: list[dict[str, object]] = []
    for other, row in ends:
        ports = [
            {"protocol": protocol, "port": port} for port in row["ports"] for protocol in row.get("protocols", ["TCP"])
        ]
        peers: Peers = places.get(other, [{"podSelector": _pods(other)}])
        if peers is None:
            rules.append({"ports": ports})
        elif peers:
            # Kubernetes takes an empty list of peers for everybody.
            rules.append({direction: list(peers), "ports": ports})
    return rules


def _pods(component: str) -> dict[str, object]:
    return {"matchLabels": {"app.kubernetes.io/name": component}}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"network_policy": network_policy, "peers_at": peers_at}
