"""Every command of the README works, in order, from a fresh copy of the repository."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.cluster.checkout import copy_checkout
from tests.cluster.machine import ROOT

README = (ROOT / "README.md").read_text()

# A command in the text that a test of its own runs, or that is what runs these tests.
RUN_ELSEWHERE = {"make test", "make down", "molecule test"}


def shell_blocks(markdown: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", markdown, flags=re.MULTILINE | re.DOTALL)


def inline_commands(markdown: str) -> set[str]:
    return set(re.findall(r"`((?:make|ansible-playbook|molecule|curl) [^`]+)`", markdown))


@pytest.fixture(scope="module")
def fresh_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("clone") / "rowhouse"
    copy_checkout(copy)
    return copy


def test_the_blocks_hold_the_commands_of_the_text() -> None:
    in_blocks = {line for block in shell_blocks(README) for line in block.splitlines()}
    assert len(in_blocks) > 4
    assert inline_commands(README) - RUN_ELSEWHERE <= in_blocks


@pytest.mark.timeout(900)
@pytest.mark.parametrize("block", shell_blocks(README), ids=lambda block: block.splitlines()[0])
def test_the_block_runs(block: str, fresh_copy: Path) -> None:
    # Without -f curl takes a 404 for a success.
    script = block.replace("curl ", "curl --fail --silent --show-error ")
    # make test has run all of it already; what it does for a clone is left.
    if os.environ.get("CLUSTER_IS_UP"):
        script = script.replace("make up\n", "scripts/environment\n")
    done = subprocess.run(["bash", "-euxo", "pipefail", "-c", script], cwd=fresh_copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
