"""The schemas of the Prometheus operator's kinds, out of its Go module; tests/operator/go.sum says which."""

import json
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from kubernetes_validate.utils import ValidationError

from tests.contract import role_readme

VERSION = "monitoring.coreos.com/v1"
MODULE = "github.com/prometheus-operator/prometheus-operator"


def validate(item: Mapping[str, Any]) -> None:
    """Refuse what the operator's schema does not allow, and members that it does not know.

    Raises:
        ValidationError: With the path to what is wrong.
    """
    try:
        jsonschema.validate(item, _schema(item["kind"]))
    except jsonschema.ValidationError as error:
        raise ValidationError(error, VERSION) from error


def definition(kind: str) -> Mapping[str, Any]:
    """Return the CustomResourceDefinition of a kind."""
    path = _module() / f"example/prometheus-operator-crd/monitoring.coreos.com_{kind.lower()}s.yaml"
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@cache
def _schema(kind: str) -> Mapping[str, Any]:
    (version,) = [item for item in definition(kind)["spec"]["versions"] if item["name"] == "v1"]
    schema: dict[str, Any] = _strict(version["schema"]["openAPIV3Schema"])
    # The API server knows what is in metadata.
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


@cache
def _module() -> Path:
    """Return where Go keeps the module, which it fetches once."""
    folder = role_readme.ROOT / "tests/operator"
    done = subprocess.run(
        ["go", "mod", "download", "-json", MODULE], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(json.loads(done.stdout)["Dir"])


def _strict(schema: Any) -> Any:
    """Forbid, on every level, members that are not named, and say what Kubernetes says in its own words."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _strict(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and "type" in made:
        made.setdefault("additionalProperties", False)
    if isinstance(made.get("pattern"), str):
        # Go's regular expressions take a flag anywhere, Python's at the front.
        made["pattern"] = re.sub(r"^(.+?)\(\?i\)", r"(?i)\1", made["pattern"])
    if made.pop("x-kubernetes-int-or-string", False):
        made["type"] = ["integer", "string"]
    return made
