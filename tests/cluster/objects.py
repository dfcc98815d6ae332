"""Our objects of a namespace, as they can be compared."""

import json
import re
from typing import Any

import yaml

from tests.cluster.machine import ROLES
from tests.cluster.output import Run

OWNERSHIP = yaml.safe_load((ROLES / "stack/vars/main/ownership.yml").read_text())
KINDS = ["Namespace", "Secret", "StatefulSet", "Job", *(item["kind"] for item in OWNERSHIP["__stack_prunable_kinds"])]


def objects(kubectl: Run, namespace: str) -> dict[str, dict[str, Any]]:
    """Return our objects by Kind/name."""
    kinds = ",".join(kind for kind in KINDS if kind != "Namespace")
    ours = ["-n", namespace, "--selector=app.kubernetes.io/part-of=rowhouse", "--output=json"]
    itself = ["namespaces", f"--field-selector=metadata.name={namespace}", "--output=json"]
    listed = [item for words in ([kinds, *ours], itself) for item in json.loads(kubectl("get", *words).stdout)["items"]]
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in listed}


def contents(kubectl: Run, namespace: str) -> dict[str, Any]:
    """Return what our objects say, without what the cluster keeps about them."""
    return {
        name: {key: value for key, value in item.items() if key not in {"metadata", "status"}}
        | {"labels": item["metadata"]["labels"]}
        for name, item in objects(kubectl, namespace).items()
    }


def without_addresses(contents: dict[str, Any]) -> str:
    """Return the contents without what the cluster hands out anew."""
    return re.sub(r'"(clusterIPs?|[^"]*controller-uid)": (\[[^]]*\]|"[^"]*")', "", json.dumps(contents, sort_keys=True))
