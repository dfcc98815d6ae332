"""The manifests of every inventory fit the Kubernetes schemas, what all pods owe, and the table of connections."""

from pathlib import Path

import pytest

from tests.contract.manifests import ROOT, refuse_faults, render

ENVIRONMENTS = sorted(path.name for path in (ROOT / "inventories").iterdir() if path.is_dir())


# A rendering takes seconds: that of prod is looked at in test_render.py.
@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "prod"])
def test_manifests_are_strictly_valid_and_keep_the_rules(environment: str, tmp_path: Path) -> None:
    refuse_faults(environment, render(environment, tmp_path))
