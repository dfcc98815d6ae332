"""Podman with all that it keeps in a folder and in a network of its own: this machine has nothing of it afterwards."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine import ROOT

CGROUPS = ("/sys/fs/cgroup/libpod_parent", "/sys/fs/cgroup/*/libpod_parent")
CONTAINERS = """
[containers]
default_ulimits = ["nofile=4096:8192", "nproc=4096:8192"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
STORAGE = """
[storage]
driver = "overlay"
runroot = "{folder}/run"
graphroot = "{folder}/storage"
"""
# The local registry speaks plain HTTP, which Docker takes for granted on loopback.
REGISTRIES = """
[[registry]]
location = "{registry}"
insecure = true
"""


@dataclass(frozen=True)
class Podman:
    """Where to run Podman and those who ask what it publishes.

    Attributes:
        environment: To run buildah in too, so that Podman knows what it built.
        network: Process whose network it is.
    """

    environment: Mapping[str, str]
    network: int

    def run(self, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run a program in the network of the containers, which reaches nothing outside."""
        command = ["nsenter", f"--net=/proc/{self.network}/ns/net", *words]
        return subprocess.run(
            command, cwd=cwd, env=self.environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )

    def said(self, *words: str) -> str:
        """Run a program there that must end well; returns its output."""
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def build(self, name: str, containerfile: Sequence[str], folder: Path) -> None:
        """Build an image, with the registry at hand."""
        (folder / "Containerfile").write_text("\n".join(containerfile))
        command = ["buildah", "build", "--quiet", "--isolation=chroot", f"--tag={name}", str(folder)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def podman(folder: Path, registry: str) -> Iterator[Podman]:
    """Install what is missing, and give a Podman that pulls from the registry."""
    subprocess.run([ROOT / "scripts/test-packages", "podman", "netavark", "aardvark-dns"], check=True)
    environment = {**os.environ, "DISABLE_HC_SYSTEMD": "true"}
    environment["PATH"] = f"{ROOT}/.venv/bin:{environment['PATH']}"
    for name, text in {"CONF": CONTAINERS, "STORAGE_CONF": STORAGE, "REGISTRIES_CONF": REGISTRIES}.items():
        path = folder / f"{name.lower()}.toml"
        path.write_text(text.format(folder=folder, registry=registry) if "{" in text else text)
        environment[f"CONTAINERS_{name}"] = str(path)
    before = _cgroups()
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as network:
        try:
            found = Podman(environment, network.pid)
            found.said("ip", "link", "set", "lo", "up")
            yield found
        finally:
            network.terminate()
            # Layers are mounts.
            subprocess.run(["podman", "system", "reset", "--force"], env=environment, capture_output=True)
    for path in _cgroups() - before:
        for inside, _, _ in os.walk(path, topdown=False):
            Path(inside).rmdir()


def _cgroups() -> set[Path]:
    return {path for pattern in CGROUPS for path in Path("/").glob(pattern.lstrip("/"))}
