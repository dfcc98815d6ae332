"""The verbs of the infrastructure, on folders that need no cloud, and as much of cloud/ as needs none."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = ROOT / "collections/ansible_collections/rowhouse/platform/roles"
# terraform_data is built in.
SMALL = """
variable "size" {
  type    = number
  default = 1
}

resource "terraform_data" "cluster" {
  input = var.size
}

output "inventory" {
  value = yamlencode({ api_replicas = terraform_data.cluster.output })
}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the script needs of a clone, and a folder `small` with a resource that no cloud has."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / "small/inventory/group_vars/all").mkdir(parents=True)
    (tmp_path / "small/main.tf").write_text(SMALL)
    return tmp_path


def cloud(checkout: Path, verb: str, status: int = 0, **variables: str) -> str:
    environment = os.environ | {"CLOUD": "small"} | variables
    done = subprocess.run(["make", verb], cwd=checkout, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_what_was_planned_is_applied_and_told_to_the_inventory(checkout: Path) -> None:
    cloud(checkout, "cloud-validate")
    cloud(checkout, "cloud-plan")
    assert "terraform_data.cluster will be created" in (checkout / "artifacts/cloud/plan.txt").read_text()
    cloud(checkout, "cloud-apply")
    for place in ("small/inventory/group_vars/all", "artifacts/cloud"):
        assert yaml.safe_load((checkout / place / "cloud.yml").read_text()) == {"api_replicas": 1}
    cloud(checkout, "cloud-plan")
    assert "No changes" in (checkout / "artifacts/cloud/plan.txt").read_text()


def test_another_plan_than_the_one_that_was_read_is_refused(checkout: Path) -> None:
    cloud(checkout, "cloud-plan")
    assert "no longer what was planned" in cloud(checkout, "cloud-apply", 2, TF_VAR_size="3")
    assert not (checkout / "small/terraform.tfstate").exists()


def test_without_a_plan_nothing_is_applied(checkout: Path) -> None:
    assert "make cloud-plan" in cloud(checkout, "cloud-apply", 2)


def test_a_badly_written_file_is_refused(checkout: Path) -> None:
    (checkout / "small/main.tf").write_text(SMALL.replace("type    = number", "type = number"))
    assert "main.tf" in cloud(checkout, "cloud-validate", 2)


def test_the_variables_for_the_inventory_are_those_of_the_roles(checkout: Path) -> None:
    """The part of cloud/ that needs no provider is applied for real."""
    shutil.copytree(ROOT / "cloud/vars", checkout / "small/vars")
    told = {"cluster": "c", "environment": "prod", "registry": "r.example.com/n", "bucket": "b", "region": "fr-par"}
    words = "".join(f"  {name} = {value!r}\n".replace("'", '"') for name, value in told.items())
    output = 'output "inventory" {\n  value = module.vars.inventory\n}\n'
    (checkout / "small/main.tf").write_text(f'module "vars" {{\n  source = "./vars"\n{words}}}\n\n{output}')
    cloud(checkout, "cloud-plan")
    cloud(checkout, "cloud-apply")
    written: dict[str, Any] = yaml.safe_load((checkout / "artifacts/cloud/cloud.yml").read_text())
    known: dict[str, Any] = {}
    for specs in ROLES.glob("*/meta/argument_specs.yml"):
        known |= yaml.safe_load(specs.read_text())["argument_specs"]["main"].get("options", {})
    assert written.keys() <= known.keys()
    assert written["stack_push_registry"] == "r.example.com/n"


def test_the_folder_is_written_as_it_should_be() -> None:
    tofu = shutil.which("tofu") or shutil.which("terraform")
    if tofu is None:
        compiled = subprocess.run([ROOT / "scripts/go-tool", "tools/tofu"], capture_output=True, text=True, check=True)
        tofu = compiled.stdout.strip()
    done = subprocess.run(
        [tofu, "fmt", "-check", "-recursive", "-diff", ROOT / "cloud"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
