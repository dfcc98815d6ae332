"""The environment of the peers: their own, so that none of them comes near that of the project."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_LOCK = Path(__file__).parent / "requirements-peers.txt"


@dataclass(frozen=True)
class Peers:
    """A virtual environment.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    def program(self, name: str) -> Path:
        """Return one of its programs."""
        return self.folder / "bin" / name

    def versions(self) -> dict[str, str]:
        """Return the version of each package."""
        lines = _uv("pip", "freeze", "--python", str(self.program("python"))).splitlines()
        return dict(line.split("==") for line in lines if "==" in line)


def prepared() -> Peers:
    """Make the environment, unless what the lock file says is there already."""
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    peers = Peers(cache / "rowhouse-bench" / digest)
    done = peers.folder / "done"
    if not done.exists():
        sys.stderr.write(f"the peers' environment: {peers.folder}\n")
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(peers.folder))
        python = str(peers.program("python"))
        _uv("pip", "sync", "--quiet", "--python", python, "--require-hashes", str(_LOCK))
        done.touch()
    return peers


def _uv(*words: str) -> str:
    program = Path(sys.executable).parent / "uv"
    return subprocess.run([program, *words], check=True, stdout=subprocess.PIPE, text=True).stdout
