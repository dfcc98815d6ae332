"""The manifests of an inventory, rendered by the product's own way into the cluster, which then writes files."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.rowhouse.platform.plugins.module_utils.pods import pod_of
from kubernetes_validate.utils import ValidationError, validate

from tests.contract import operator_schemas, role_readme
from tests.contract.network_table import surplus_and_lack

ROOT = role_readme.ROOT
STACK = role_readme.ROLES[0].parent / "stack"
OWNERSHIP = yaml.safe_load((STACK / "vars/main/ownership.yml").read_text(encoding="utf-8"))
DEFAULTS = yaml.safe_load((STACK / "defaults/main.yml").read_text(encoding="utf-8"))
TABLE = yaml.safe_load((STACK / "vars/main/images.yml").read_text(encoding="utf-8"))["stack_image_table"]
# As a rendering has them; a deployment has digests in place of the tag.
IMAGES = {
    f"{DEFAULTS['stack_pull_registry']}/{row['repository']}:{DEFAULTS['stack_release']}" for row in TABLE.values()
}
# What a run never deletes, and what it deletes when it no longer renders it.
PRUNABLE = [*OWNERSHIP["__stack_prunable_kinds"], *OWNERSHIP["__stack_operator_kinds"]]
KINDS = {"Namespace", "StatefulSet", "Job", "PersistentVolumeClaim"} | {item["kind"] for item in PRUNABLE}
# Labels that may change from one run to the next would orphan pods.
SELECTOR_LABELS = {"app.kubernetes.io/name"}


def run_render(
    inventory: Path, folder: Path, variables: Mapping[str, object] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the playbook that renders an inventory.

    Args:
        inventory: With `stack_render_dir`, unless that is among the variables.
        folder: Has no kubeconfig in it: no cluster must be needed.
        variables: Beside those of the inventory.
    """
    return subprocess.run(
        [
            "ansible-playbook",
            "playbooks/render.yml",
            f"--inventory={inventory}",
            f"--extra-vars={json.dumps(variables or {})}",
        ],
        cwd=ROOT,
        env={**os.environ, "KUBECONFIG": str(folder / "none"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def objects_of(folder: Path) -> dict[str, Any]:
    """Return the objects that the kustomization of a rendered folder lists, in its order."""
    kustomize = folder / "kustomize"
    listed = load(kustomize / "kustomization.yaml")["resources"]
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in (load(kustomize / name) for name in listed)}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def all_problems(objects: Mapping[str, Any], own_images: frozenset[str] = frozenset()) -> list[str]:
    """Return what is wrong with each object: against the Kubernetes schemas, strictly, and the rules of the house.

    Args:
        objects: By kind and name.
        own_images: What may run beside the images of the table.
    """
    return [f"{name}: {problem}" for name, item in objects.items() for problem in _problems(item, IMAGES | own_images)]


def refuse_faults(environment: str, objects: Mapping[str, Any], own_images: frozenset[str] = frozenset()) -> None:
    """Hold what an inventory renders by itself to all that is owed by it."""
    variables = load(ROOT / "inventories" / environment / "group_vars/all/main.yml")
    parts = {f"Namespace/rowhouse-{environment}", "StatefulSet/postgres", "Deployment/redis", "Deployment/api"}
    assert parts <= objects.keys()
    assert ("PodDisruptionBudget/api" in objects) == (variables["api_replicas"] > 1)
    assert {"Ingress/api", "Deployment/exporters", "Deployment/prometheus"}.isdisjoint(objects)
    assert all_problems(objects, own_images) == []
    assert surplus_and_lack(objects, variables) == (set(), set())
    api = objects["Deployment/api"]["spec"]["template"]["spec"]
    (check,), (serve,) = api["initContainers"], api["containers"]
    assert check["args"] == ["check"]
    assert all(check[key] == serve[key] for key in ("image", "env", "volumeMounts"))


def _kubernetes_version() -> str:
    """Return the version that the local cluster runs."""
    modules = (role_readme.ROLES[0].parent / "local_cluster/files/src/go.mod").read_text(encoding="utf-8")
    found = re.search(r"k8s\.io/kubernetes v(\d+\.\d+)", modules)
    assert found
    return found[1]


def _problems(item: dict[str, Any], images: Set[str]) -> Iterator[str]:
    try:
        if item["apiVersion"] == operator_schemas.VERSION:
            operator_schemas.validate(item)
        else:
            validate(item, _kubernetes_version(), strict=True)
    except ValidationError as error:
        yield f"{'.'.join(map(str, error.path))}: {error.message}"
    if item["kind"] not in KINDS:
        yield "no later run would remove it: the kind is missing in ownership.yml"
    labels = item["metadata"]["labels"]
    if not {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/part-of"} <= labels.keys():
        yield "labels are missing"
    spec = item.get("spec", {})
    selector = spec.get("selector", {})
    # What an operator selects is asked anew each time.
    if item["kind"] != "PodMonitor" and not set(selector.get("matchLabels", selector)) <= SELECTOR_LABELS:
        yield "selector with labels that may change"
    pod = pod_of(item)
    if pod is not None:
        yield from _pod_problems(pod, images)


def _pod_problems(pod: Mapping[str, Any], images: Set[str]) -> Iterator[str]:
    context = pod["securityContext"]
    if not context["runAsNonRoot"] or context["seccompProfile"] != {"type": "RuntimeDefault"}:
        yield "pod may run as root or without seccomp"
    if pod["automountServiceAccountToken"] or pod["enableServiceLinks"]:
        yield "pod gets a token or service variables"
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    for container in pod["containers"] + pod.get("initContainers", []):
        yield from (f"container {container['name']}: {problem}" for problem in _container_problems(container, images))
        # A claim of a StatefulSet is no volume of its template.
        absent = {mount["name"] for mount in container["volumeMounts"]} - volumes - {"data"}
        yield from (f"container {container['name']} mounts {name}, which is no volume" for name in absent)


def _container_problems(container: dict[str, Any], images: Set[str]) -> Iterator[str]:
    context = container["securityContext"]
    if context.get("allowPrivilegeEscalation") is not False or context.get("capabilities") != {"drop": ["ALL"]}:
        yield "has capabilities"
    if not context.get("readOnlyRootFilesystem"):
        yield "root is writable"
    if container["image"] not in images:
        yield "image is not one of the table"
    for kind in ("requests", "limits"):
        if container["resources"].get(kind, {}).keys() != {"cpu", "memory"}:
            yield f"no {kind} of cpu and memory"
    for variable in container.get("env", []):
        if re.search("PASSWORD|_KEY$", variable["name"]) and "secretKeyRef" not in variable.get("valueFrom", {}):
            yield f"{variable['name']} does not come from a Secret"
