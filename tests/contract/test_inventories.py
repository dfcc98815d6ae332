"""Inventories hold what differs between environments, and nothing else."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract import role_readme

INVENTORIES = sorted(path for path in (role_readme.ROOT / "inventories").iterdir() if path.is_dir())
MAIN = "group_vars/all/main.yml"
EXAMPLE = "group_vars/all/secrets.yml.example"


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return content


@pytest.fixture(scope="module")
def values() -> dict[str, dict[str, Any]]:
    return {inventory.name: load(inventory / MAIN) for inventory in INVENTORIES}


@pytest.fixture(scope="module")
def defaults() -> dict[str, Any]:
    return {name: value for role in role_readme.ROLES for name, value in load(role / "defaults/main.yml").items()}


def test_all_have_the_same_files() -> None:
    # These are each user's own.
    shapes = {
        frozenset(
            str(path.relative_to(inventory))
            for path in inventory.rglob("*")
            if path.is_file() and path.name not in {"secrets.yml", "secrets.sops.yml", "backup.key"}
        )
        for inventory in INVENTORIES
    }
    assert shapes == {frozenset({"hosts.yml", MAIN, EXAMPLE})}


def test_all_have_the_same_hosts() -> None:
    assert len({(inventory / "hosts.yml").read_text(encoding="utf-8") for inventory in INVENTORIES}) == 1


def test_no_value_equals_a_default(values: dict[str, dict[str, Any]], defaults: dict[str, Any]) -> None:
    repeated = [
        f"{environment}: {name}"
        for environment, variables in values.items()
        for name, value in variables.items()
        if name in defaults and defaults[name] == value
    ]
    assert repeated == []


def test_every_variable_is_one_of_a_role(values: dict[str, dict[str, Any]], defaults: dict[str, Any]) -> None:
    assert {name for variables in values.values() for name in variables} <= defaults.keys()


def test_no_value_is_the_same_everywhere(values: dict[str, dict[str, Any]]) -> None:
    first, *others = values.values()
    assert [name for name, value in first.items() if all(other.get(name) == value for other in others)] == []


def test_the_examples_offer_every_secret_and_hold_none(defaults: dict[str, Any]) -> None:
    secrets = {name for name in defaults if name.endswith(("_password", "_access_key", "_secret_key"))}
    # What is given to one run.
    secrets = {name for name in secrets if not name.startswith("backup_from_")} | {"backup_key"}
    for inventory in INVENTORIES:
        assert load(inventory / EXAMPLE) == dict.fromkeys(secrets, ""), inventory


def test_no_secrets_are_committed() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "inventories"], cwd=role_readme.ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert [path for path in tracked if path.endswith(("secrets.yml", "backup.key"))] == []
