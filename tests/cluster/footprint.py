"""What runs, is mounted, connected or set on this machine, as JSON that can be compared.

python tests/cluster/footprint.py >before.json
python tests/cluster/footprint.py --compare before.json    # exits 1 and prints what is new since
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

type Footprint = dict[str, list[str]]

# Where a Kubernetes writes, whatever its settings are.
FOLDERS = [
    Path(path)
    for path in (
        "/opt/cni",
        "/opt/containerd",
        "/run/cilium",
        "/run/containerd",
        "/run/netns",
        "/run/nri",
        "/run/rowhouse",
        "/var/lib/cni",
        "/var/lib/containerd",
        "/var/lib/kubelet",
        "/var/lib/rowhouse",
        "/var/log/containers",
        "/var/log/pods",
    )
]
# The kernel's settings that containers and their networks have to do with; many others count what happens.
SYSCTL = re.compile(
    r"kernel\.(panic|keys)|vm\.(overcommit|panic)|net\.bridge\."
    r"|net\.ipv4\.(ip_forward|conf\.(all|default)\.)|net\.netfilter\.nf_conntrack_(max|tcp)"
)
LISTENING = "0A"
UNCONNECTED = "07"


def output(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def family() -> set[int]:
    """Return the process ids of this program and those that started it."""
    found = set()
    pid = os.getpid()
    while pid:
        found.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


def processes() -> Iterator[tuple[str, str]]:
    """Yield program with its first two arguments, and network namespace, of each process that is none of ours."""
    ours = family()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) in ours:
            continue
        try:
            program = (folder / "exe").readlink()
            words = (folder / "cmdline").read_text().split("\0")
            yield " ".join([str(program), *words[1:3]]), str((folder / "ns/net").readlink())
        except OSError:  # a thread of the kernel, or it has ended
            continue


def rules(command: str) -> Iterator[str]:
    """Yield the rules and the chains that somebody made, without their counters."""
    table = ""
    for line in output(f"{command}-save"):
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A") or (line.startswith(":") and line.split()[1] == "-"):
            yield f"{command} {table} {line.split(' [')[0]}"


def sockets() -> Iterator[str]:
    """Yield what listens: address and port as /proc has them, or the path of a unix socket."""
    for protocol, state in (("tcp", LISTENING), ("tcp6", LISTENING), ("udp", UNCONNECTED), ("udp6", UNCONNECTED)):
        for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
            if line.split()[3] == state:
                yield f"{protocol} {line.split()[1]}"
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        if len(words := line.split()) == 8 and not words[7].startswith("@"):
            yield f"unix {words[7]}"


def take() -> Footprint:
    """Return what is there now, sorted and by kind."""
    running = list(processes())
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    found: dict[str, set[str]] = {
        "processes": {program for program, _ in running},
        "network namespaces": {namespace for _, namespace in running},
        "mounts": {f"{point} {kind} {source}" for source, point, kind, *_ in mounts},
        "interfaces": {link["ifname"] for link in json.loads("".join(output("ip", "-json", "link", "show")))},
        "rules": {*rules("iptables"), *rules("ip6tables")},
        "cgroups": {folder for folder, _, _ in os.walk("/sys/fs/cgroup")},
        "sysctls": {line for line in output("sysctl", "--all", "--ignore") if SYSCTL.match(line)},
        "sockets": set(sockets()),
        "files": {str(path) for folder in FOLDERS if folder.exists() for path in (folder, *folder.iterdir())},
    }
    return {kind: sorted(items) for kind, items in found.items()}


def new(before: Footprint, after: Footprint) -> Footprint:
    """Return what is in the second and not in the first, without kinds of which nothing is."""
    added = {kind: sorted(set(items) - set(before[kind])) for kind, items in after.items()}
    return {kind: items for kind, items in added.items() if items}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", type=Path, metavar="FILE", help="an earlier footprint")
    arguments = parser.parse_args()
    if arguments.compare is None:
        json.dump(take(), sys.stdout, indent=2)
        return 0
    added = new(json.loads(arguments.compare.read_text()), take())
    json.dump(added, sys.stdout, indent=2)
    return 1 if added else 0


if __name__ == "__main__":
    sys.exit(main())
