"""The table of allowed connections, and the pods of rendered manifests that it is held against."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.contract import role_readme
from tests.contract.network import Connection, Endpoint, Port, reachable

ROLES = role_readme.ROLES[0].parent
NAME = "app.kubernetes.io/name"
# Nobody of ours, and as much like one of ours as can be.
STRANGERS = (
    Endpoint("outside", "203.0.113.7", ports=(Port(443), Port(5432), Port(6379))),
    Endpoint("namesake", "10.9.0.1", "default", {NAME: "api"}, (Port(8000), Port(8001), Port(5432), Port(6379))),
    Endpoint("their-prometheus", "10.9.0.2", "monitoring", {NAME: "prometheus"}, (Port(9090),)),
)


def surplus_and_lack(
    objects: Mapping[str, Any], variables: Mapping[str, Any], external: Sequence[Endpoint] = ()
) -> tuple[set[Connection], set[Connection]]:
    """Return the connections that the policies let through and the table does not name, and the other way round.

    Args:
        objects: Rendered, by kind and name.
        variables: Of the inventory and the command line.
        external: Database, cache or object store outside, by the name of the component that they stand for.
    """
    pods = [*_pods(objects), *external]
    namespace = next(name.split("/")[1] for name in objects if name.startswith("Namespace/"))
    unknown = Endpoint("unknown", "10.1.1.1", namespace, {}, (Port(8080),))
    others = [*STRANGERS, _dns()]
    policies = [item for name, item in objects.items() if name.startswith("NetworkPolicy/")]
    found = {item for item in reachable(policies, [*pods, unknown, *others]) if _ours(item, pods, unknown)}
    places = {pod.name: [pod] for pod in [*pods, *others]} | {
        "anyone": [*others, *external],
        "monitoring": [STRANGERS[2]] if variables.get("api_monitoring_peers") else [],
        **_watching(variables, [*others, *external]),
    }
    wanted = {item for row in _rows(variables) for item in _connections(row, places)}
    return found - wanted, wanted - found


def _watching(variables: Mapping[str, Any], anywhere: list[Endpoint]) -> dict[str, list[Endpoint]]:
    """Return who is behind the names that only a deployment which is watched has peers for."""
    if not variables.get("monitoring_enabled"):
        return {}
    theirs = [STRANGERS[2]]
    return {
        # Nobody says where it is.
        "cluster": anywhere,
        "readers": theirs if variables.get("monitoring_reader_peers") else [],
        "operator": theirs if variables.get("api_monitoring_peers") else [],
    }


def _ours(connection: Connection, pods: Iterable[Endpoint], unknown: Endpoint) -> bool:
    inside = {pod.name for pod in pods if pod.namespace} | {unknown.name}
    return bool({connection[0], connection[1]} & inside)


def _rows(variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the table with the values of the variables in it."""
    known: dict[str, Any] = {}
    for path in ROLES.glob("*/defaults/main.yml"):
        known |= yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    known |= variables
    store = urlsplit(known["api_object_store_endpoint"])
    known["stack_object_store_port"] = store.port or {"http": 80, "https": 443}.get(store.scheme)
    backups = urlsplit(known["backup_s3_endpoint"])
    known["stack_backup_s3_port"] = backups.port or {"http": 80, "https": 443}.get(backups.scheme)
    logs = urlsplit(known["logging_target_url"])
    own = known["logging_target"] == "store"
    known["stack_log_target_port"] = 19532 if own else logs.port or {"http": 80, "https": 443}.get(logs.scheme)
    known["__stack_log_target"] = (
        "log-store" if own else "nowhere" if known["logging_target"] == "stdout" else "log-target"
    )
    table = yaml.safe_load((ROLES / "stack/vars/main/network.yml").read_text(encoding="utf-8"))["stack_network"]
    known["__stack_own_database"] = "postgres" if known["postgres_mode"] == "internal" else "nowhere"
    archives = known["backup_enabled"] and known["backup_pitr"] and known["backup_store"] == "s3"
    known["__stack_archiving"] = "postgres" if archives else "nowhere"
    return [{**row, **_ends(row, known), "ports": _resolved(row["ports"], known)} for row in table]


def _ends(row: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    return {end: _resolved(row[end], known) for end in ("from", "to")}


def _resolved(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(item, known) for item in value]
    name = re.fullmatch(r"\{\{ (\w+) \}\}", str(value))
    return known[name[1]] if name else value


def _connections(row: Mapping[str, Any], places: Mapping[str, list[Endpoint]]) -> Iterable[Connection]:
    sources, targets = places.get(row["from"], []), places.get(row["to"], [])
    listening = [
        (target, port)
        for target in targets
        for port in target.ports
        if port.number in row["ports"] and port.protocol in row.get("protocols", ["TCP"])
    ]
    assert listening or not targets or not sources, f"nobody listens where the table leads: {row}"
    return [(source.name, target.name, port.protocol, port.number) for source in sources for target, port in listening]


def _pods(objects: Mapping[str, Any]) -> list[Endpoint]:
    specs = [(item.get("spec", {}), item["metadata"].get("namespace", "")) for item in objects.values()]
    # The pods of a CronJob belong to its Jobs.
    owners = [(spec.get("jobTemplate", {}).get("spec", spec), namespace) for spec, namespace in specs]
    templates = [(owner["template"], namespace) for owner, namespace in owners if "template" in owner]
    return [_pod(template, namespace, i) for i, (template, namespace) in enumerate(templates)]


def _pod(template: Mapping[str, Any], namespace: str, number: int) -> Endpoint:
    labels = template["metadata"]["labels"]
    ports = tuple(
        Port(port["containerPort"], port["name"], port.get("protocol", "TCP"))
        for container in template["spec"]["containers"]
        for port in container.get("ports", [])
    )
    return Endpoint(labels.get(NAME, "dns"), f"10.1.0.{number}", namespace, labels, ports)


def _dns() -> Endpoint:
    """Return the local cluster's own CoreDNS: its pods need not listen on the Service's port."""
    text = (ROLES / "local_cluster/templates/objects/dns.deployment.yaml.j2").read_text(encoding="utf-8")
    deployment = yaml.safe_load(re.sub(r"\{\{.*?\}\}", "value", text))
    return _pod(deployment["spec"]["template"], deployment["metadata"]["namespace"], 250)
