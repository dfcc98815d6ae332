"""The first step of `make up`, where a machine lacks something."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_missing_python_is_named_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/environment", "requirements.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "api").mkdir()
    (tmp_path / "api/requirements.txt").touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("dirname", "sha256sum"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(
        ["/bin/bash", "scripts/environment"],
        cwd=tmp_path,
        env={"PATH": str(programs), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Python 3.13" in done.stderr
    assert "make up PYTHON=" in done.stderr
