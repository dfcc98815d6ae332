"""What a local cluster has on a machine outside its folder, and how each of it is removed.

Nothing is read from PID files or other notes of the cluster: what the kernel says is there counts, so the answer also
holds after a crash, a kill or a reboot.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("programs", "containers", "mounts", "interfaces", "rules", "cgroups", "files")

# The supervisor stops what it runs one after the other; each gets ten seconds at most, in practice one.
GRACE_SECONDS = 30
KILL_SECONDS = 20
SHIM = "containerd-shim-runc-v2"
# Where these programs write whatever their settings are.
SHIM_SOCKETS = Path("/run/containerd/s")
NETWORK_RESULTS = Path("/var/lib/cni/results")
CONTAINER_LOGS = Path("/var/log/containers")
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
CHAINS = ("KUBE-", "CILIUM_")
# Its other end, cilium_net, goes with it.
CILIUM_INTERFACE = "cilium_host"
CGROUPS = Path("/sys/fs/cgroup")


class RemainsError(Exception):
    """Something cannot be removed; the text says what and why."""


@dataclass(frozen=True)
class Process:
    """A process as /proc shows it."""

    pid: int
    executable: str
    argv: tuple[str, ...]
    cgroups: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{Path(self.argv[0]).name or self.executable} ({self.pid})"


def processes() -> list[Process]:
    """Return all processes but the kernel's own and those that end meanwhile."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            argv = tuple(os.fsdecode((folder / "cmdline").read_bytes()).rstrip("\0").split("\0"))
            lines = (folder / "cgroup").read_text().splitlines()
            cgroups = tuple(line.split(":", 2)[2] for line in lines)
            found.append(Process(int(folder.name), str((folder / "exe").readlink()), argv, cgroups))
        except OSError:
            continue
    return found


def run(*argv: str, stdin: str | None = None) -> str:
    """Return the standard output of a command; raise RemainsError with its words when it fails."""
    process = subprocess.run(  # noqa: S603 # ours alone
        argv, input=stdin, capture_output=True, text=True, check=False
    )
    if process.returncode != 0:
        raise RemainsError(f"{' '.join(argv)}: {process.stderr.strip()}")
    return process.stdout


@dataclass(frozen=True)
class Remains:
    """Finds and removes what one cluster has.

    root, run_dir: the cluster's folders. bridge: the interface of its pods. cgroup: the one that its pods are below.
    """

    root: str
    run_dir: str
    bridge: str
    cgroup: str

    def remove(self, kind: str, *, dry_run: bool = False) -> list[str]:
        """Remove all of one kind and return what it was; raise RemainsError when some of it stays."""
        found: list[str] = getattr(self, f"_find_{kind}")()
        if found and not dry_run:
            getattr(self, f"_remove_{kind}")()
        return found

    # programs: the supervisor and what it runs

    def _programs(self) -> list[Process]:
        def is_ours(process: Process) -> bool:
            config = f"{self.root}/etc/"
            started_by_us = any(argument.startswith(config) for argument in process.argv)
            if process.executable.startswith(f"{self.root}/"):
                return SHIM not in process.executable
            scripts = {Path(argument).name for argument in process.argv[:2]}
            return started_by_us and bool(scripts & {"supervisord", "docker-registry"})

        return [process for process in processes() if is_ours(process)]

    def _find_programs(self) -> list[str]:
        return [process.name for process in self._programs()]

    def _remove_programs(self) -> None:
        # In one go: a supervisor would start again what ends before it.
        end(self._programs, signal.SIGTERM, GRACE_SECONDS, then_kill=True)

    # containers: the shims and all that runs in the cgroups of pods

    def _containers(self) -> list[Process]:
        return [
            process
            for process in processes()
            if (process.executable.startswith(f"{self.root}/") and SHIM in process.executable)
            or any(path.startswith(f"/{self.cgroup}/") for path in process.cgroups)
        ]

    def _find_containers(self) -> list[str]:
        return [process.name for process in self._containers()]

    def _remove_containers(self) -> None:
        end(self._containers, signal.SIGKILL, KILL_SECONDS)

    # mounts: root file systems, volumes and network namespaces of pods

    def _find_mounts(self) -> list[str]:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        points = [line.split()[4].replace("\\040", " ") for line in lines]
        # The last one mounted may lie in one before it.
        return [point for point in reversed(points) if f"{point}/".startswith((f"{self.root}/", f"{self.run_dir}/"))]

    def _remove_mounts(self) -> None:
        for point in self._find_mounts():
            try:
                run("umount", "--lazy", point)
            except RemainsError:
                # It may have gone by itself meanwhile, with the last process that used it.
                if point in self._find_mounts():
                    raise

    # interfaces: the bridge and the pods' ends that are connected to it, and Cilium's; its pods' ends go with the pods

    def _find_interfaces(self) -> list[str]:
        links = json.loads(run("ip", "-json", "link", "show"))
        ports = [link["ifname"] for link in links if link.get("master") == self.bridge]
        return [*ports, *(link["ifname"] for link in links if link["ifname"] in (self.bridge, CILIUM_INTERFACE))]

    def _remove_interfaces(self) -> None:
        for name in self._find_interfaces():
            try:
                run("ip", "link", "delete", name)
            except RemainsError:
                # A pod's end also goes by itself, with the pod's network namespace.
                if name in self._find_interfaces():
                    raise

    # rules: of kube-proxy and the kubelet (KUBE-…), Cilium's (CILIUM_…), and those that name the bridge

    def _rules(self, command: str) -> list[str]:
        """Return what iptables-restore needs to be told to remove all of them, table by table."""
        script: list[str] = []
        for table in run(f"{command}-save").split("\n*"):
            lines = table.lstrip("*").splitlines()
            chains = [line.split()[0][1:] for line in lines if line.startswith(tuple(f":{name}" for name in CHAINS))]
            jumps = [
                f"-D {line.removeprefix('-A ')}"
                for line in lines
                if line.startswith("-A ")
                and not line.startswith(tuple(f"-A {name}" for name in CHAINS))
                and (any(f" {name}" in line for name in CHAINS) or self.bridge in line.split())
            ]
            if chains or jumps:
                name = next(line for line in lines if line and not line.startswith("#"))
                flush = [f"-F {chain}" for chain in chains]
                script += [f"*{name}", *jumps, *flush, *(f"-X {chain}" for chain in chains), "COMMIT"]
        return script

    def _find_rules(self) -> list[str]:
        lines = [line for command in ("iptables", "ip6tables") for line in self._rules(command)]
        return [line[3:] for line in lines if line.startswith(("-D", "-X"))]

    def _remove_rules(self) -> None:
        for command in ("iptables", "ip6tables"):
            script = self._rules(command)
            if script:
                run(f"{command}-restore", "--noflush", stdin="\n".join([*script, ""]))

    # cgroups: the pods' one and those below it, in each hierarchy

    def _find_cgroups(self) -> list[str]:
        tops = [CGROUPS / self.cgroup, *CGROUPS.glob(f"*/{self.cgroup}")]
        return [str(top) for top in tops if top.is_dir()]

    def _remove_cgroups(self) -> None:
        deadline = time.monotonic() + KILL_SECONDS
        for top in self._find_cgroups():
            for folder, _, _ in os.walk(top, topdown=False):
                while Path(folder).exists():
                    try:
                        Path(folder).rmdir()
                    except OSError as error:  # busy until its last process is gone
                        if time.monotonic() > deadline:
                            raise RemainsError(f"cannot remove the cgroup {folder}: {error.strerror}") from error
                        time.sleep(0.1)

    # files: what containerd, the kubelet and the network plugins write outside the cluster's folders, settings or not

    def _files(self) -> list[Path]:
        sockets = [path for path in (*SHIM_SOCKETS.glob("*"), DEVICE_PLUGINS / "kubelet.sock") if path.is_socket()]
        pods = [path.name.split("-")[1] for path in NETWORK_RESULTS.glob(f"{self.bridge}-*")]
        logs = [path for path in CONTAINER_LOGS.glob("*") if path.is_symlink()]
        return [
            *(path for path in sockets if not answers(path)),
            *(path for pod in pods for path in NETWORK_RESULTS.glob(f"*-{pod}-*")),
            *(path for path in logs if str(path.readlink()).startswith(f"{self.root}/")),
        ]

    def _find_files(self) -> list[str]:
        return [str(path) for path in self._files()]

    def _remove_files(self) -> None:
        for path in self._files():
            path.unlink()
        for folder in (SHIM_SOCKETS, NETWORK_RESULTS, CONTAINER_LOGS, DEVICE_PLUGINS):
            # The folder above, /var/log for one, is there for others; it stays when it holds anything else.
            for emptied in (folder, folder.parent):
                with contextlib.suppress(OSError):
                    emptied.rmdir()


def answers(path: Path) -> bool:
    """Return whether somebody listens on a unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def end(find: Callable[[], list[Process]], number: signal.Signals, seconds: float, *, then_kill: bool = False) -> None:
    """Send a signal to what is found until nothing is; kill what is there after the time, or raise RemainsError."""
    deadline = time.monotonic() + seconds
    told: set[int] = set()
    while alive := find():
        if time.monotonic() > deadline:
            if then_kill:
                return end(find, signal.SIGKILL, KILL_SECONDS)
            raise RemainsError(f"these processes do not end: {', '.join(process.name for process in alive)}")
        for process in alive:
            if process.pid not in told:
                told.add(process.pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)
        time.sleep(0.1)
    return None
