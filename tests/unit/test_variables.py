"""Misspelt variables are found, with the nearest name and the file."""

from pathlib import Path

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.variables import (
    defining_file,
    known_variables,
    unknown_variables,
)


@pytest.fixture
def roles_dir(tmp_path: Path) -> Path:
    roles = tmp_path / "roles"
    (roles / "api/meta").mkdir(parents=True)
    (roles / "api/vars").mkdir()
    (roles / "redis/meta").mkdir(parents=True)
    (roles / "api/meta/argument_specs.yml").write_text(
        "argument_specs: {main: {options: {api_replicas: {}}}, extra: {options: {api_extra: {}}}}"
    )
    (roles / "api/vars/main.yml").write_text("api_constant: 1\n__api_private: 2\n")
    return roles


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "inventory"
    (folder / "group_vars/all").mkdir(parents=True)
    (folder / "group_vars/all/main.yml").write_text("# api_replcas: a comment\napi_replicass: 3\n")
    return folder


def test_a_misspelt_variable_is_named_with_its_nearest_and_its_file(roles_dir: Path, inventory: Path) -> None:
    known = known_variables(roles_dir)
    unknown = unknown_variables(["api_replicass", "api_replicas"], known, [inventory])
    file = inventory / "group_vars/all/main.yml"
    assert [str(item) for item in unknown] == [
        f"api_replicass in {file}: no role knows this variable. Did you mean api_replicas?"
    ]


def test_every_entry_point_and_constant_is_known_and_other_prefixes_are_nobodys_business(
    roles_dir: Path, inventory: Path
) -> None:
    names = ["api_extra", "api_constant", "ansible_host", "redistribution", "__api_private"]
    assert unknown_variables(names, known_variables(roles_dir), [inventory]) == []


def test_a_name_that_is_like_no_other_has_no_suggestion(roles_dir: Path, inventory: Path) -> None:
    (unknown,) = unknown_variables(["redis_zzz"], known_variables(roles_dir), [inventory])
    assert str(unknown) == "redis_zzz: no role knows this variable."


def test_a_comment_defines_nothing(inventory: Path) -> None:
    assert defining_file("api_replcas", [inventory]) is None
