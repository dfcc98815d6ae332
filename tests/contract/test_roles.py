"""Every role has the same shape, and its interface is stated once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract import role_readme

ROLES = [pytest.param(role, id=role.name) for role in role_readme.ROLES]
# local_cluster makes objects of a cluster's own parts, from one file each part.
WITH_TEMPLATES = [pytest.param(role, id=role.name) for role in role_readme.ROLES if role.name != "local_cluster"]
SCREEN = 60


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_common_shape(role: Path) -> None:
    files = ["README.md", "defaults/main.yml", "meta/main.yml", "meta/argument_specs.yml", "tasks/main.yml"]
    assert [file for file in files if not (role / file).is_file()] == []
    assert len((role / "tasks/main.yml").read_text(encoding="utf-8").splitlines()) <= SCREEN
    assert len((role / "README.md").read_text(encoding="utf-8").splitlines()) <= SCREEN


@pytest.mark.parametrize("role", ROLES)
def test_specs_and_defaults_name_the_same_variables(role: Path) -> None:
    options = load(role / "meta/argument_specs.yml")["argument_specs"]["main"].get("options", {})
    assert sorted(options) == sorted(load(role / "defaults/main.yml") or {})


@pytest.mark.parametrize("role", ROLES)
def test_specs_state_no_default(role: Path) -> None:
    assert list(_with_default(load(role / "meta/argument_specs.yml")["argument_specs"])) == []


@pytest.mark.parametrize("role", ROLES)
def test_every_default_says_what_it_is_for(role: Path) -> None:
    """A comment stands before each variable, or before a group without blank lines."""
    blocks = (role / "defaults/main.yml").read_text(encoding="utf-8").removeprefix("---\n").strip().split("\n\n")
    assert [block for block in blocks if block and not block.startswith("#")] == []


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_shows_the_present_variables(role: Path) -> None:
    """Remedy: python tests/contract/role_readme.py."""
    assert (role / "README.md").read_text(encoding="utf-8") == role_readme.with_table(role)


@pytest.mark.parametrize("role", WITH_TEMPLATES)
def test_a_template_holds_one_object_and_is_named_by_its_kind(role: Path) -> None:
    for path in role.glob("templates/*.yaml.j2"):
        lines = path.read_text(encoding="utf-8").splitlines()
        kinds = [line.removeprefix("kind: ") for line in lines if line.startswith("kind: ")]
        assert [kind.lower() for kind in kinds] == [path.name.removesuffix(".yaml.j2")], path
        assert not any("indent(" in line for line in lines), path


def _with_default(specs: object, path: str = "") -> Iterator[str]:
    if isinstance(specs, dict):
        for key, value in specs.items():
            if key == "default":
                yield path
            yield from _with_default(value, f"{path}.{key}")
