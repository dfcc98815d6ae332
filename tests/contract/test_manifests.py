"""The manifests of every inventory fit the Kubernetes schemas and what all pods owe.

They are rendered by the product's own way into the cluster, which then writes files.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import ValidationError, validate

from tests.contract import role_readme

ROOT = role_readme.ROOT
ENVIRONMENTS = sorted(path.name for path in (ROOT / "inventories").iterdir() if path.is_dir())
# Labels that may change from one run to the next would orphan pods.
SELECTOR_LABELS = {"app.kubernetes.io/name"}


def kubernetes_version() -> str:
    """Return the version that the local cluster runs."""
    modules = (role_readme.ROLES[0].parent / "local_cluster/files/src/go.mod").read_text(encoding="utf-8")
    found = re.search(r"k8s\.io/kubernetes v(\d+\.\d+)", modules)
    assert found
    return found[1]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_manifests_are_strictly_valid_and_keep_the_rules(environment: str, tmp_path: Path) -> None:
    objects = render(environment, tmp_path)
    variables = yaml.safe_load((ROOT / "inventories" / environment / "group_vars/all/main.yml").read_text())
    kinds = {name_of(item) for item in objects}
    assert {"Namespace/rowhouse-" + environment, "StatefulSet/postgres", "Deployment/redis", "Deployment/api"} <= kinds
    assert ("PodDisruptionBudget/api" in kinds) == (variables["api_replicas"] > 1)
    assert [f"{name_of(item)}: {problem}" for item in objects for problem in problems(item)] == []


def render(environment: str, folder: Path) -> list[dict[str, Any]]:
    """Return all objects of the environment."""
    rendered = subprocess.run(
        [
            "ansible-playbook",
            "playbooks/render.yml",
            f"--inventory=inventories/{environment}",
            f"--extra-vars=stack_render_dir={folder}",
        ],
        cwd=ROOT,
        # No cluster must be needed.
        env={**os.environ, "KUBECONFIG": str(folder / "none")},
        capture_output=True,
        text=True,
    )
    assert rendered.returncode == 0, rendered.stdout + rendered.stderr
    return [item for path in sorted(folder.glob("*.yaml")) for item in yaml.safe_load_all(path.read_text("utf-8"))]


def name_of(item: dict[str, Any]) -> str:
    return f"{item['kind']}/{item['metadata']['name']}"


def problems(item: dict[str, Any]) -> Iterator[str]:
    try:
        validate(item, kubernetes_version(), strict=True)
    except ValidationError as error:
        yield f"{'.'.join(map(str, error.path))}: {error.message}"
    labels = item["metadata"]["labels"]
    if not {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/part-of"} <= labels.keys():
        yield "labels are missing"
    spec = item.get("spec", {})
    selector = spec.get("selector", {})
    if not set(selector.get("matchLabels", selector)) <= SELECTOR_LABELS:
        yield "selector with labels that may change"
    if "template" in spec:
        yield from pod_problems(spec["template"]["spec"])


def pod_problems(pod: dict[str, Any]) -> Iterator[str]:
    context = pod["securityContext"]
    if not context["runAsNonRoot"] or context["seccompProfile"] != {"type": "RuntimeDefault"}:
        yield "pod may run as root or without seccomp"
    if pod["automountServiceAccountToken"] or pod["enableServiceLinks"]:
        yield "pod gets a token or service variables"
    for container in pod["containers"] + pod.get("initContainers", []):
        yield from (f"container {container['name']}: {problem}" for problem in container_problems(container))


def container_problems(container: dict[str, Any]) -> Iterator[str]:
    context = container["securityContext"]
    if context.get("allowPrivilegeEscalation") is not False or context.get("capabilities") != {"drop": ["ALL"]}:
        yield "has capabilities"
    if not context.get("readOnlyRootFilesystem"):
        yield "root is writable"
    if not re.search(r"@sha256:[0-9a-f]{64}$", container["image"]):
        yield "image without digest"
    for kind in ("requests", "limits"):
        if container["resources"].get(kind, {}).keys() != {"cpu", "memory"}:
            yield f"no {kind} of cpu and memory"
    for variable in container.get("env", []):
        if "PASSWORD" in variable["name"] and "secretKeyRef" not in variable.get("valueFrom", {}):
            yield f"{variable['name']} does not come from a Secret"
