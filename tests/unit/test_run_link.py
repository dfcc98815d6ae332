"""What a lock tells of a run, and the way from a task to the process that keeps its lock."""

import json
import os
from pathlib import Path

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.run_link import (
    VARIABLE,
    Holder,
    RunLink,
    Target,
    command_line,
)

PLAIN = {"args": ("deploy.yml",), "inventory": (), "tags": ("all",), "skip_tags": (), "subset": None, "extra_vars": ()}
LINK = RunLink(os.getppid(), 1, Holder("a", "b", "c", "d"))


def test_a_command_is_told_as_it_was_typed() -> None:
    options = {
        "inventory": (str(Path("inventories/my prod").resolve()), "a,b"),
        "subset": "cluster",
        "tags": ("x", "y"),
    }
    assert command_line(PLAIN) == "ansible-playbook deploy.yml"
    assert (
        command_line(PLAIN | options)
        == "ansible-playbook deploy.yml -i 'inventories/my prod' -i a,b --limit cluster --tags x,y"
    )


def test_extra_variables_are_left_out_as_a_password_may_be_among_them() -> None:
    extra = {"extra_vars": ("redis_password=hunter2", '{"postgres_api_password": "hunter2"}', "@secret.yml")}
    assert command_line(PLAIN | extra) == "ansible-playbook deploy.yml -e …"


def test_two_runs_of_one_user_are_told_apart() -> None:
    one, other = Holder.this_run(PLAIN), Holder.this_run(PLAIN)
    assert one.identity != other.identity
    assert (one.user, one.host, one.command) == (other.user, other.host, other.command)


def test_a_task_finds_the_process_that_forked_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    assert RunLink.inherited() is None
    LINK.publish()
    assert RunLink.inherited() == LINK


def test_a_run_within_a_run_does_not_write_to_a_pipe_that_it_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    RunLink(os.getpid(), 1, LINK.holder).publish()
    assert RunLink.inherited() is None


def test_what_is_told_is_one_line() -> None:
    reader, writer = os.pipe()
    RunLink(1, writer, LINK.holder).tell(Target("kubeconfig", "dev", "rowhouse-dev"), held=True)
    os.close(writer)
    with os.fdopen(reader) as lines:
        (line,) = lines.readlines()
    assert json.loads(line) == {
        "target": {"kubeconfig": "kubeconfig", "context": "dev", "namespace": "rowhouse-dev"},
        "held": True,
    }
