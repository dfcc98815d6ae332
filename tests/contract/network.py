"""What NetworkPolicies let through, computed as Kubernetes' reference describes it.

https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

type Object = Mapping[str, Any]
# Source, target, protocol, port.
type Connection = tuple[str, str, str, int]


@dataclass(frozen=True)
class Port:
    """A port that a pod listens on; its name may be empty."""

    number: int
    name: str = ""
    protocol: str = "TCP"


@dataclass(frozen=True)
class Endpoint:
    """A pod, or with namespace "" whatever is outside of the cluster.

    Attributes:
        name: For people.
        address: Its IP address.
        namespace: Name of its namespace, whose label kubernetes.io/metadata.name it is.
        labels: The pod's.
        ports: Where it listens.
    """

    name: str
    address: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()


def reachable(policies: Iterable[Object], endpoints: Iterable[Endpoint]) -> Iterator[Connection]:
    """Yield every connection that both ends allow, among different endpoints."""
    policies, endpoints = list(policies), list(endpoints)
    for source in endpoints:
        for target in endpoints:
            for port in target.ports:
                if source is not target and allows(policies, source, target, port):
                    yield source.name, target.name, port.protocol, port.number


def allows(policies: Iterable[Object], source: Endpoint, target: Endpoint, port: Port) -> bool:
    """Whether the source may open a connection to the port of the target."""
    policies = list(policies)
    return _one_side(policies, "Egress", source, target, port) and _one_side(policies, "Ingress", target, source, port)


def _one_side(policies: Iterable[Object], direction: str, pod: Endpoint, other: Endpoint, port: Port) -> bool:
    """Whether the pod's own policies of the direction allow it: nothing selects it, or one rule of any policy fits."""
    selecting = [policy for policy in policies if _selects(policy, pod) and direction in _types(policy["spec"])]
    rules = [rule for policy in selecting for rule in policy["spec"].get(direction.lower()) or []]
    peers = "to" if direction == "Egress" else "from"
    return not selecting or any(
        _fits_peers(rule.get(peers), other, pod.namespace) and _fits_ports(rule.get("ports"), port) for rule in rules
    )


def _types(spec: Object) -> set[str]:
    return set(spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]))


def _selects(policy: Object, pod: Endpoint) -> bool:
    inside = pod.namespace == policy["metadata"]["namespace"]
    return inside and _matches(policy["spec"].get("podSelector", {}), pod.labels)


def _fits_peers(peers: list[Object] | None, other: Endpoint, namespace: str) -> bool:
    return not peers or any(_fits_peer(peer, other, namespace) for peer in peers)


def _fits_peer(peer: Object, other: Endpoint, namespace: str) -> bool:
    if "ipBlock" in peer:
        address, block = ip_address(other.address), peer["ipBlock"]
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(part) for part in block.get("except", [])
        )
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        in_place = _matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
    else:
        in_place = other.namespace == namespace
    return in_place and _matches(peer.get("podSelector", {}), other.labels)


def _fits_ports(ports: list[Object] | None, port: Port) -> bool:
    return not ports or any(_fits_port(wanted, port) for wanted in ports)


def _fits_port(wanted: Object, port: Port) -> bool:
    if wanted.get("protocol", "TCP") != port.protocol:
        return False
    match wanted.get("port"):
        case None:
            return True
        case str(name):
            return name == port.name
        case first:
            return bool(first <= port.number <= wanted.get("endPort", first))


def _matches(selector: Object, labels: Mapping[str, str]) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions", [])
    )


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", [])
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[expression["operator"]]
