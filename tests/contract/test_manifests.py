"""The manifests of every inventory fit the Kubernetes schemas, what all pods owe, and the table of connections."""

from pathlib import Path

import pytest
import yaml

from tests.contract.manifests import ROOT, all_problems, render
from tests.contract.network_table import surplus_and_lack

ENVIRONMENTS = sorted(path.name for path in (ROOT / "inventories").iterdir() if path.is_dir())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_manifests_are_strictly_valid_and_keep_the_rules(environment: str, tmp_path: Path) -> None:
    objects = render(environment, tmp_path)
    variables = yaml.safe_load((ROOT / "inventories" / environment / "group_vars/all/main.yml").read_text())
    parts = {"Namespace/rowhouse-" + environment, "StatefulSet/postgres", "Deployment/redis", "Deployment/api"}
    assert parts <= objects.keys()
    assert ("PodDisruptionBudget/api" in objects) == (variables["api_replicas"] > 1)
    assert "Ingress/api" not in objects
    assert all_problems(objects) == []
    assert surplus_and_lack(objects, variables) == (set(), set())
    api = objects["Deployment/api"]["spec"]["template"]["spec"]
    (check,), (serve,) = api["initContainers"], api["containers"]
    assert check["args"] == ["check"]
    assert all(check[key] == serve[key] for key in ("image", "env", "envFrom", "volumeMounts"))
