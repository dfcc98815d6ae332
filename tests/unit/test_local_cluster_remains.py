"""What is removed of a local cluster, and what of its neighbours stays."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.local_cluster import Remains

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts, links and packet filter rules are root's")


@pytest.fixture
def remains(tmp_path: Path) -> Remains:
    return Remains(root=f"{tmp_path}/root", run_dir=f"{tmp_path}/run", bridge="remains0", cgroup="remains-test")


@pytest.fixture
def program(remains: Remains) -> Path:
    """Return a program below the cluster's folder that runs as long as it is let."""
    path = Path(remains.root, "bin/kubelet")
    path.parent.mkdir(parents=True)
    shutil.copy("/usr/bin/sleep", path)
    return path


def test_nothing_is_found_where_nothing_is(remains: Remains) -> None:
    assert not any(remains.remove(kind) for kind in ("programs", "containers", "mounts", "interfaces", "cgroups"))


def test_its_programs_end_and_others_stay(remains: Remains, program: Path) -> None:
    with subprocess.Popen([program, "60"]) as ours, subprocess.Popen(["/usr/bin/sleep", "60"]) as other:
        assert remains.remove("programs", dry_run=True) == [f"kubelet ({ours.pid})"]
        assert ours.poll() is None
        remains.remove("programs")
        assert ours.wait() != 0
        assert other.poll() is None
        other.kill()


def test_a_reader_of_its_settings_is_none_of_its_programs(remains: Remains, tmp_path: Path) -> None:
    settings = tmp_path / "root/etc/supervisord.conf"
    settings.parent.mkdir(parents=True)
    settings.touch()
    with subprocess.Popen(["/usr/bin/tail", "--follow", settings]) as reader:
        assert remains.remove("programs") == []
        reader.kill()


@needs_root
def test_mounts_are_removed_from_the_innermost(remains: Remains) -> None:
    outer, inner = Path(remains.run_dir, "outer"), Path(remains.run_dir, "outer/inner")
    for folder in (outer, inner):
        folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "remains", folder], check=True)
    assert remains.remove("mounts") == [str(inner), str(outer)]
    assert not outer.is_mount()


# In a network namespace of its own, because the rules of a cluster that runs here look the same.
IN_A_NETWORK = """
import subprocess
from ansible_collections.rowhouse.platform.plugins.module_utils.local_cluster import Remains

def do(*words):
    subprocess.run(words, check=True)

do("ip", "link", "add", "remains0", "type", "bridge")
do("ip", "link", "add", "cilium_host", "type", "veth", "peer", "name", "cilium_net")
for chain in ("KUBE-A", "KUBE-B", "CILIUM_POST_nat", "OTHER"):
    do("iptables", "-t", "nat", "-N", chain)
do("iptables", "-t", "nat", "-A", "PREROUTING", "-m", "comment", "--comment", "two words", "-j", "KUBE-A")
do("iptables", "-t", "nat", "-A", "KUBE-A", "-j", "KUBE-B")
do("iptables", "-t", "nat", "-A", "POSTROUTING", "-m", "comment", "--comment", "cilium: it", "-j", "CILIUM_POST_nat")
do("iptables", "-t", "nat", "-A", "PREROUTING", "-j", "OTHER")
do("iptables", "-A", "FORWARD", "-i", "lxc+", "-m", "comment", "--comment", "remains0", "-j", "ACCEPT")
do("iptables", "-A", "FORWARD", "-i", "remains01", "-j", "ACCEPT")
remains = Remains(root="/none", run_dir="/none", bridge="remains0", cgroup="none")
assert len(remains.remove("rules")) == 6
assert remains.remove("rules") == []
assert sorted(remains.remove("interfaces")) == ["cilium_host", "remains0"]
assert remains.remove("interfaces") == []
do("iptables-save")
"""


@needs_root
def test_rules_of_others_stay() -> None:
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", IN_A_NETWORK],
        env=os.environ | {"PYTHONPATH": str(ROOT / "collections")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kept = [line for line in done.stdout.splitlines() if line.startswith("-A")]
    assert kept == ["-A FORWARD -i remains01 -j ACCEPT", "-A PREROUTING -j OTHER"]
