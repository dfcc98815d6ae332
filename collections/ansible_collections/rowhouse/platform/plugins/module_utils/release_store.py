"""Where the records of releases are: in the namespace that they describe."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster
from ansible_collections.rowhouse.platform.plugins.module_utils.releases import (
    SELECTOR,
    Release,
    newest_first,
    read,
    superfluous,
)


class ReleaseStore:
    """The records of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def releases(self) -> list[Release]:
        """Return those that are kept, the newest first."""
        return newest_first(read(item) for item in self._cluster.find("v1", "ConfigMap", self._namespace, SELECTOR))

    def add(self, facts: Mapping[str, Any], packed: bytes, labels: Mapping[str, str]) -> Release:
        """Keep a release under the next number, and let go of those that are too many; returns it.

        Created and never applied: the next deployment does not render it, and must not prune it.

        Raises:
            RefusalError: It is larger than a ConfigMap may be.
        """
        kept = self.releases()
        release = Release(kept[0].number + 1 if kept else 1, facts, packed)
        while not self._cluster.create(release.config_map(self._namespace, labels)):
            release = dataclasses.replace(release, number=release.number + 1)
        for old in superfluous([release, *kept]):
            self._cluster.delete(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": old.name, "namespace": self._namespace}}
            )
        return release

    def datasets(self) -> dict[str, dict[str, Any]]:
        """Return version and number of rows of each dataset, as the API tells; nothing when it does not."""
        try:
            health = json.loads(self._cluster.ask_service("api", "http", "health", self._namespace))
            return {item["dataset"]: {"version": item["version"], "rows": item["rows"]} for item in health["datasets"]}
        except (KeyError, TypeError, ValueError):
            return {}
