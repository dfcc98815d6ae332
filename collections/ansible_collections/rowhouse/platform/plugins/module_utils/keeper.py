"""The thread of the main process that keeps the locks of its run.

It alone talks about them to the cluster, so that nothing of it waits for what an interrupted main thread might hold.
"""

import json
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.rowhouse.platform.plugins.module_utils.lease import DeployLock, LostError
from ansible_collections.rowhouse.platform.plugins.module_utils.run_link import Holder, RunLink, Target
from kubernetes import client, config
from urllib3.exceptions import HTTPError

_FREE = b"free"
# Of these the next renewal may know nothing any more.
_PASSING = (client.ApiException, config.ConfigException, HTTPError, OSError)


@dataclass(frozen=True)
class Pace:
    """Seconds: between two renewals, after one that failed, between two looks at the clock.

    And: that freeing may take, and that what a task had asked for when it was killed may take to appear.
    """

    every: float = 5.0
    again: float = 2.0
    tick: float = 1.0
    free: float = 5.0
    in_flight: float = 1.0


@dataclass
class _Kept:
    """A lock that a task has asked for; times are those of the wall, as a machine may have slept."""

    pause: float
    held: bool = False
    tried: float = 0.0
    lock: DeployLock | None = None


@dataclass(frozen=True)
class Freed:
    """Namespaces whose lock was this run's and is free, and those where that could not be done."""

    done: tuple[str, ...]
    left: tuple[str, ...]


class Keeper(threading.Thread):
    """Renews what the tasks of this run hold until it is told to free it."""

    def __init__(
        self, holder: Holder, lose: Callable[[str], None], no_fork: threading.Lock, pace: Pace = Pace()
    ) -> None:
        """`lose` gets the reason when a lock is no longer ours, and returns at once; `no_fork` puts off forks."""
        super().__init__(name="locks", daemon=True)
        self._reader, writer = os.pipe()
        self.link = RunLink(os.getpid(), writer, holder)
        self._lose = lose
        self._no_fork = no_fork
        self._pace = pace
        self._heard = b""
        self._kept: dict[Target, _Kept] = {}
        self._freed: list[str] = []
        self._done = threading.Event()

    def free(self) -> Freed:
        """Have all locks freed; the main thread calls it, and waits for some seconds at most."""
        # A new one, as a signal may have come while the main thread was in here.
        done = self._done = threading.Event()
        os.write(self.link.writer, _FREE + b"\n")
        done.wait(self._pace.free)
        return Freed(tuple(self._freed), tuple(target.namespace for target in list(self._kept)))

    def run(self) -> None:
        while True:
            readable, _, _ = select.select([self._reader], [], [], self._pace.tick)
            with self._no_fork:
                if readable:
                    *lines, self._heard = (self._heard + os.read(self._reader, select.PIPE_BUF)).split(b"\n")
                    for line in lines:
                        self._hear(line)
                self._renew()

    def _hear(self, line: bytes) -> None:
        if line == _FREE:
            self._free()
            self._done.set()
            return
        message = json.loads(line)
        kept = self._kept.setdefault(Target(**message["target"]), _Kept(self._pace.every))
        # From now on it is renewed, at once for the first time: so the connection is there when it is to be freed.
        kept.held = kept.held or message["held"]

    def _renew(self) -> None:
        now = time.time()
        for target, kept in list(self._kept.items()):
            # A clock that was set back must not put it off.
            if not kept.held or 0 <= now - kept.tried < kept.pause:
                continue
            kept.tried, kept.pause = now, self._pace.again
            try:
                self._lock(target, kept).renew(self.link.holder.identity)
                kept.pause = self._pace.every
            except LostError as error:
                del self._kept[target]
                self._lose(f"The lock of {target.namespace} is no longer held by this run: {error}.")
            except _PASSING:
                continue

    def _free(self) -> None:
        self._freed = []
        began = time.monotonic()
        while self._kept and time.monotonic() - began < self._pace.free:
            for target, kept in list(self._kept.items()):
                with suppress(*_PASSING):
                    lease = self._lock(target, kept).free(self.link.holder.identity)
                    if lease and lease.holder == self.link.holder:
                        self._freed.append(target.namespace)
                    if lease or kept.held or time.monotonic() - began > self._pace.in_flight:
                        del self._kept[target]
            if self._kept:
                time.sleep(0.1)

    @staticmethod
    def _lock(target: Target, kept: _Kept) -> DeployLock:
        if kept.lock is None:
            # Whether to try again is decided here.
            once = client.Configuration(retries=False)
            api = config.new_client_from_config(target.kubeconfig, target.context, client_configuration=once)
            kept.lock = DeployLock(api, target.namespace)
        return kept.lock
