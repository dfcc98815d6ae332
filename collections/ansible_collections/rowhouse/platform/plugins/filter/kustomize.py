"""Filter `kustomize`: the objects of a deployment as a folder for `kubectl apply -k`, whose files work alone too."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.pods import pod_of
from ansible_collections.rowhouse.platform.plugins.module_utils.yaml_text import yaml_text

NAME = "app.kubernetes.io/name"


def kustomize(
    objects: Sequence[Mapping[str, Any]],
    *,
    secrets: Sequence[Mapping[str, Any]],
    labels: Mapping[str, str],
    namespace: str,
    note: str,
) -> dict[str, str]:
    """Return the folder as {path: text}.

    Args:
        objects: In the order in which a deployment applies them.
        secrets: Rows of stack_secrets that nobody else makes. The user has the passwords, in a file for each.
        labels: Of every Secret, which also gets its name as a label.
        namespace: Of every Secret.
        note: What stands above the kustomization.
    """
    manifests = {_file_name(number, item): item for number, item in enumerate(objects, 1)}
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(manifests),
        "images": [_image(reference) for reference in _references(objects)],
        "secretGenerator": [_generator(row["name"], namespace, labels) for row in secrets],
    }
    return {
        **{name: yaml_text(item) for name, item in manifests.items()},
        "kustomization.yaml": yaml_text({key: value for key, value in content.items() if value}, note),
        **{f"{row['name']}.env.example": _example(row) for row in secrets},
    }


def _file_name(number: int, item: Mapping[str, Any]) -> str:
    return f"{number:02}-{item['kind'].lower()}-{item['metadata']['name']}.yaml"


def _references(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    pods = [pod for pod in map(pod_of, objects) if pod is not None]
    containers = [
        container for pod in pods for key in ("initContainers", "containers") for container in pod.get(key, [])
    ]
    return sorted({container["image"] for container in containers})


def _image(reference: str) -> dict[str, str]:
    """Return what kustomize replaces an image by: for now itself, for the user to edit."""
    found = re.fullmatch(r"(?P<name>[^@]+?)(?::(?P<tag>[^:/@]+))?(?:@(?P<digest>.+))?", reference)
    assert found  # noqa: S101 - a reference begins with something
    entry = {"name": found["name"], "newName": found["name"]}
    if found["digest"]:
        return {**entry, "digest": found["digest"]}
    return {**entry, "newTag": found["tag"] or "latest"}


def _generator(name: str, namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
    # Pods name it as it is.
    options = {"disableNameSuffixHash": True, "labels": {**labels, NAME: name}}
    return {"name": name, "namespace": namespace, "envs": [f"{name}.env"], "options": options}


def _example(row: Mapping[str, Any]) -> str:
    """Return a line a key, each to be ended by a password."""
    texts = dict.fromkeys(row["keys"], "") | {key: entry["format"] % "" for key, entry in row["formats"].items()}
    return "".join(f"{key}={text}\n" for key, text in texts.items())


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"kustomize": kustomize}
