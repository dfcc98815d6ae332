"""A registry that asks for a login: Debian's, on a free port, with a password file."""

import base64
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.image_build import Builder, BuildError, Recipe
from ansible_collections.rowhouse.platform.plugins.module_utils.registry import (
    SOURCE_HASH_LABEL,
    Registry,
    RegistryError,
)

# As `htpasswd -B` writes it: the password is swordfish.
HTPASSWD = "builder:$2y$04$abcdefghijklmnopqrstuugIEnm3ZbWF6xb2GcoE3L1CoGJFMKtu.\n"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the registry; returns host:port."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    (folder / "htpasswd").write_text(HTPASSWD)
    configuration = {
        "version": "0.1",
        "log": {"level": "warn"},
        "http": {"addr": address},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "auth": {"htpasswd": {"realm": "rowhouse", "path": str(folder / "htpasswd")}},
    }
    (folder / "registry.yml").write_text(json.dumps(configuration))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", folder / "registry.yml"], stderr=log)
    try:
        while True:
            with socket.socket() as client:
                if client.connect_ex((address.split(":")[0], int(address.split(":")[1]))) == 0:
                    break
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def logged_in(host: str, tmp_path: Path) -> Registry:
    return Registry(host, login_file(tmp_path, host, "swordfish"))


def login_file(folder: Path, host: str, password: str) -> str:
    """Write what `podman login --authfile` writes."""
    login = base64.b64encode(f"builder:{password}".encode()).decode()
    file = folder / f"{password}.json"
    file.write_text(json.dumps({"auths": {host: {"auth": login}}}))
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
