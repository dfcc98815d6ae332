"""What a task's process has from the main process of its run, which keeps the lock that the task takes."""

import getpass
import json
import os
import shlex
import socket
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

VARIABLE = "ROWHOUSE_RUN"
# Options that say what a run is about, as ansible-core calls them after parsing.
_TOLD = {"subset": "--limit", "tags": "--tags", "skip_tags": "--skip-tags", "start_at_task": "--start-at-task"}


@dataclass(frozen=True)
class Holder:
    """A run: an identity that no other has, and what people are told."""

    identity: str
    user: str
    host: str
    command: str

    @classmethod
    def this_run(cls, arguments: Mapping[str, Any]) -> "Holder":
        """Return what this process is, by the parsed arguments of ansible-playbook."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a container's user may have no name
            user = f"user {os.getuid()}"
        host = socket.gethostname()
        identity = f"{user}@{host}/{os.getpid()}/{uuid.uuid4().hex[:12]}"
        return cls(identity, user, host, command_line(arguments))


def command_line(arguments: Mapping[str, Any]) -> str:
    """Return the command that was typed, without the values of --extra-vars: a password may be among them."""
    words = ["ansible-playbook", *arguments["args"]]
    for path in arguments["inventory"] or ():
        # One with a comma is a list of hosts.
        words += ["-i", path if "," in path else os.path.relpath(path)]
    for name, option in _TOLD.items():
        value = arguments.get(name)
        if value and list(value) != ["all"]:
            words += [option, value if isinstance(value, str) else ",".join(value)]
    return shlex.join(words) + " -e …" * bool(arguments.get("extra_vars"))


@dataclass(frozen=True)
class Target:
    """Where a lock is."""

    kubeconfig: str
    context: str
    namespace: str


@dataclass(frozen=True)
class RunLink:
    """The way from a task to its main process.

    Attributes:
        pid: Of the main process.
        writer: Descriptor of a pipe to the keeper, which a task inherits as ansible-core forks it.
        holder: The run, as its locks name it.
    """

    pid: int
    writer: int
    holder: Holder

    def publish(self) -> None:
        """Let the tasks that start from now on find it."""
        os.environ[VARIABLE] = json.dumps(asdict(self))

    @classmethod
    def inherited(cls) -> "RunLink | None":
        """Return that of the process that forked this one; None when that one keeps no locks."""
        text = os.environ.get(VARIABLE)
        if not text:
            return None
        content = json.loads(text)
        # That of an ansible-playbook further up is of no use: its pipe is not here.
        if content["pid"] != os.getppid():
            return None
        return cls(content["pid"], content["writer"], Holder(**content["holder"]))

    def tell(self, target: Target, *, held: bool) -> None:
        """Say that a lock will be asked for, or that it is held."""
        # Shorter than PIPE_BUF, so that the lines of two tasks do not mix.
        os.write(self.writer, f"{json.dumps({'target': asdict(target), 'held': held})}\n".encode())
