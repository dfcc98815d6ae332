"""What the actions that meet the target cluster share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster

TARGET = required(kubeconfig="str", context="str")


class ClusterAction(Action):
    """An action whose ARGUMENTS hold TARGET: kubeconfig and context."""

    def connect(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> Cluster:
        """Connect to the target; a ClusterError says what is wrong with it."""
        return Cluster.connect(arguments["kubeconfig"], arguments["context"], Path(variables["inventory_dir"]))
