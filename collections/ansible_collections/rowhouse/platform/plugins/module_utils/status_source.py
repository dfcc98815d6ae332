"""Where the facts of a status come from: the cluster, the API behind its Service, and the metrics of its pods."""

import base64
import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster
from ansible_collections.rowhouse.platform.plugins.module_utils.ownership import edits, is_applied_by, names
from ansible_collections.rowhouse.platform.plugins.module_utils.release_store import ReleaseStore
from ansible_collections.rowhouse.platform.plugins.module_utils.releases import Release, current, unpack
from ansible_collections.rowhouse.platform.plugins.module_utils.rollout import KINDS, counted, current_pods, judge
from ansible_collections.rowhouse.platform.plugins.module_utils.status import (
    Alert,
    Certificate,
    Component,
    Dataset,
    Disk,
    Ended,
    Facts,
)
from cryptography import x509

type Object = Mapping[str, Any]

# Metadata that tells who changed an object when, and not what it is.
_HISTORY = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"})
_ANSWERS = re.compile(r'^rowhouse_cache_total\{(?=.*verdict="(\w+)").*\} ([0-9.e+]+)$', re.MULTILINE)
_BACKUP = re.compile(r"^rowhouse_backup_last_verified_timestamp_seconds ([0-9.e+]+)$", re.MULTILINE)
_DATA = "/var/lib/postgresql"


class StatusSource:
    """Asks about one namespace. What may not be asked, or does not answer, is None."""

    def __init__(self, cluster: Cluster, namespace: str, manager: str, backup_limit: timedelta) -> None:
        self._cluster = cluster
        self._backup_limit = backup_limit
        self._namespace = namespace
        self._manager = manager

    def facts(self) -> Facts:
        """Return everything that a status shows."""
        kept = ReleaseStore(self._cluster, self._namespace).releases()
        running = current(kept)
        objects = _objects(running)
        pods = self._cluster.find("v1", "Pod", self._namespace)
        health = self._health()
        metrics = self._metrics(pods)
        told = None if running is None else {"name": running.name, **running.facts}
        return Facts(
            self._namespace,
            told,
            told if kept and kept[0] is running else {"name": kept[0].name, **kept[0].facts} if kept else None,
            list(self._components(objects, pods)),
            health.get("reasons", []),
            _datasets(health),
            _answers(metrics),
            self._disk(pods),
            list(self._certificates(objects)),
            list(self._drift(objects)),
            _last_backup(metrics),
            self._backup_limit if any(map(_takes_backups, objects)) else None,
            self._alerts(objects),
        )

    def _components(self, objects: Sequence[Object], pods: Sequence[Object]) -> Iterator[Component]:
        replica_sets = self._cluster.find("apps/v1", "ReplicaSet", self._namespace)
        claims = self._cluster.find("v1", "PersistentVolumeClaim", self._namespace)
        for item in objects:
            if item["kind"] not in KINDS:
                continue
            kind, name = item["kind"], item["metadata"]["name"]
            (container, *_) = item["spec"]["template"]["spec"]["containers"]
            image = _short(container["image"])
            namespace = item["metadata"]["namespace"]
            live = self._cluster.get(item["apiVersion"], kind, name, namespace)
            if live is None:
                # A Job that ended may be removed by then; what it did is seen in the data.
                if kind != "Job":
                    yield Component(kind, name, 0, item["spec"].get("replicas", 1), image, "is gone", is_done=False)
                continue
            # The collector of logs has a namespace of its own.
            there = pods if namespace == self._namespace else self._cluster.find("v1", "Pod", namespace)
            own = current_pods(live, there, replica_sets)
            verdict = judge(live, own, claims)
            status = counted(live)
            ready = status.get("succeeded" if kind == "Job" else "readyReplicas", 0)
            # How many an autoscaler wants stands nowhere but there.
            wanted = status.get("wanted", item["spec"].get("replicas", live["spec"].get("replicas", 1)))
            restarts = sum(item["restartCount"] for pod in own for item in pod["status"].get("containerStatuses", []))
            yield Component(kind, name, ready, wanted, image, verdict.progress, verdict.done, restarts, _ended(own))

    def _health(self) -> Mapping[str, Any]:
        with contextlib.suppress(ValueError):
            health = json.loads(self._cluster.ask_service("api", "http", "health", self._namespace))
            if isinstance(health, dict):
                return health
        return {}

    def _metrics(self, pods: Sequence[Object]) -> list[str]:
        """Return what each API pod tells Prometheus; empty where it may not be asked."""
        return [
            self._cluster.ask_pod(pod["metadata"]["name"], port["containerPort"], "metrics", self._namespace)
            for pod in pods
            for container in pod["spec"]["containers"]
            for port in container.get("ports", [])
            if port.get("name") == "admin"
        ]

    def _disk(self, pods: Sequence[Object]) -> Disk | None:
        if not any(pod["metadata"]["name"] == "postgres-0" for pod in pods):
            return None
        said = self._cluster.run_in_pod("postgres-0", "postgres", ["df", "-P", "-B1", _DATA], self._namespace)
        found = re.search(r"^\S+ +(\d+) +(\d+) ", said or "", re.MULTILINE)
        return Disk(int(found[2]), int(found[1])) if found else None

    def _certificates(self, objects: Sequence[Object]) -> Iterator[Certificate]:
        path = self._cluster.api.configuration.cert_file
        if path:
            yield from _read("of this kubeconfig's user", Path(path).read_bytes())
        for item in objects:
            if item["kind"] == "ConfigMap" and "ca.crt" in item["data"]:
                yield from _read(f"in ConfigMap {item['metadata']['name']}", item["data"]["ca.crt"].encode())
            for entry in item["spec"].get("tls", []) if item["kind"] == "Ingress" else []:
                secret = self._cluster.get("v1", "Secret", entry["secretName"], self._namespace)
                if secret:
                    content = base64.b64decode(secret["data"].get("tls.crt", ""))
                    yield from _read(f"in Secret {entry['secretName']}", content)

    def _alerts(self, objects: Sequence[Object]) -> list[Alert] | None:
        if not any(item["kind"] == "Service" and item["metadata"]["name"] == "prometheus" for item in objects):
            return None
        try:
            said = json.loads(self._cluster.ask_service("prometheus", "prometheus", "api/v1/alerts", self._namespace))
            firing = [item for item in said["data"]["alerts"] if item["state"] == "firing"]
        except (KeyError, TypeError, ValueError):
            return None
        return [Alert(item["labels"]["alertname"], item["annotations"].get("summary", "")) for item in firing]

    def _drift(self, objects: Sequence[Object]) -> Iterator[str]:
        for item in objects:
            # What a Job was cannot change; and it goes some time after its end.
            if item["kind"] == "Job":
                continue
            (name,) = names([item])
            place = item["apiVersion"], item["kind"], item["metadata"]["name"], item["metadata"].get("namespace")
            live = self._cluster.get(*place)
            if live is None:
                yield f"{name} is gone"
                continue
            # Its volume is the cluster's to fill in.
            if item["kind"] == "PersistentVolumeClaim":
                continue
            if _content(self._cluster.would_apply(item, self._manager)) != _content(live):
                yield f"{name} is not as it was deployed"
            elif is_applied_by(self._manager, live):
                for edit in edits(self._manager, live):
                    yield from (f"{name}: {path} was set by {edit.manager}" for path in edit.paths)


def _objects(release: Release | None) -> list[Object]:
    if release is None:
        return []
    return [item for items in unpack(release.packed, release.facts["registry"]).values() for item in items]


def _content(item: Object) -> dict[str, Any]:
    metadata = {key: value for key, value in item["metadata"].items() if key not in _HISTORY}
    return {**item, "metadata": metadata, "status": None}


def _datasets(health: Mapping[str, Any]) -> list[Dataset] | None:
    try:
        return [
            Dataset(item["dataset"], item["version"], item["rows"], datetime.fromisoformat(item["loaded_at"]))
            for item in health["datasets"]
        ]
    except (KeyError, TypeError, ValueError):
        return None


def _answers(metrics: Sequence[str]) -> tuple[int, int] | None:
    if not any(metrics):
        return None
    counts = [(verdict, int(float(count))) for text in metrics for verdict, count in _ANSWERS.findall(text)]
    return sum(count for verdict, count in counts if verdict == "hit"), sum(count for _, count in counts)


def _takes_backups(item: Object) -> bool:
    return (item["kind"], item["metadata"]["name"]) == ("CronJob", "backup")


def _last_backup(metrics: Sequence[str]) -> datetime | None:
    """Return when the last backup was verified, as the best informed pod has it."""
    latest = max((float(time) for text in metrics for time in _BACKUP.findall(text)), default=0)
    return datetime.fromtimestamp(latest, UTC) if latest else None


def _ended(pods: Sequence[Object]) -> Ended | None:
    """Return how a container of the pods ended last."""
    ends = [
        Ended(
            pod["metadata"]["name"],
            status["name"],
            f"{end.get('reason', 'ended')}, exit code {end['exitCode']}",
            datetime.fromisoformat(end["finishedAt"]),
        )
        for pod in pods
        for status in pod["status"].get("containerStatuses", [])
        if (end := status.get("lastState", {}).get("terminated"))
    ]
    return max(ends, key=lambda end: end.at, default=None)


def _read(place: str, pem: bytes) -> Iterator[Certificate]:
    with contextlib.suppress(ValueError):
        ends = [certificate.not_valid_after_utc for certificate in x509.load_pem_x509_certificates(pem)]
        yield Certificate(place, min(ends))


def _short(image: str) -> str:
    """Return name@digest with no more of the digest than tells it from others."""
    repository, _, digest = image.partition("@")
    return f"{repository.rpartition('/')[2]}@{digest.removeprefix('sha256:')[:10]}"
