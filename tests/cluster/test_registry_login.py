"""Images of a registry that asks for a login."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.image_build import Builder, BuildError, Recipe
from ansible_collections.rowhouse.platform.plugins.module_utils.registry import (
    SOURCE_HASH_LABEL,
    Registry,
    RegistryError,
)

from tests.cluster.registry import PASSWORD, login, registry_with_login


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry_with_login(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def logged_in(host: str, tmp_path: Path) -> Registry:
    return Registry(host, login_file(tmp_path, host, PASSWORD))


def login_file(folder: Path, host: str, password: str) -> str:
    file = folder / f"{password}.json"
    file.write_text(login(host, password))
    return str(file)


def build(registry: Registry, folder: Path, base: str | None = None) -> str:
    """Build and push an image of one file; returns its digest."""
    recipe = folder / "recipe"
    recipe.mkdir(exist_ok=True)
    (recipe / "Containerfile").write_text("ARG BASE=scratch\nFROM $BASE\nCOPY Containerfile /\n")
    name = "upper" if base else "lower"
    builder = Builder(folder / "state", Path("no-rootfs"), [], lambda _: None)
    wanted = Recipe(name, recipe, recipe, base, {SOURCE_HASH_LABEL: name})
    return builder.build(wanted, registry.reference(name, "1"), registry.options)


def test_with_a_login_images_are_pushed_asked_for_and_built_upon(logged_in: Registry, tmp_path: Path) -> None:
    assert logged_in.inspect("lower", "none") is None
    lower = build(logged_in, tmp_path)
    upper = build(logged_in, tmp_path, logged_in.reference("lower", lower))
    published = logged_in.inspect("upper", "1")
    assert published
    assert (published.digest, published.labels[SOURCE_HASH_LABEL]) == (upper, "upper")
    assert logged_in.compressed_size("upper", upper) > 0


@pytest.mark.parametrize("password", [None, "catfish"])
def test_without_a_login_or_with_a_wrong_one_the_setting_is_named(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str | None
) -> None:
    # Whoever runs this may be logged in somewhere.
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    registry = Registry(host, login_file(tmp_path, host, password) if password else "")
    with pytest.raises(
        RegistryError, match=f"Log in with `podman login {host}`, or name the file with the login in stack"
    ):
        registry.inspect("lower", "1")
    with pytest.raises(BuildError, match=r"authentication required|unauthorized"):
        build(registry, tmp_path)
