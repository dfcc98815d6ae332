"""The end of a run by a signal: all of it, at the first one, within seconds.

ansible-core's own way leaves a run hanging: it kills its workers at once, and when one of them was writing its result,
the main process waits for ever for the lock of the queue, which the dead worker holds. So the main process cleans up
and dies here, without going back to where it was interrupted.

Why by that signal: https://www.cons.org/cracauer/sigint.html, as a shell or a make around it ends then too.
"""

import multiprocessing
import os
import signal
import sys
import termios
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

# Seconds for what was started to end by itself, for everything up to the last words, and for these.
GRACE = 5.0
LIMIT = 15
FAREWELL = 2
POLL = 0.02


class Interruption:
    """Ends this process, and what it has started since `install`, at the first SIGINT, SIGTERM or SIGHUP.

    Attributes:
        no_fork: Whatever a thread locks inside Python, OpenSSL or the C library while this process forks stays locked
            in the child for ever. So a thread does its work with this held, and a fork waits for it.
    """

    def __init__(self, finish: Callable[[], str]) -> None:
        """`finish` is called when nothing else runs any more; what it returns is the last that is said."""
        self.no_fork = threading.Lock()
        self._finish = finish
        self._pid = os.getpid()
        self._reason = ""
        self._others: set[int] = set()
        self._terminal: list[Any] | None = None
        self._is_forking = False
        self._came_while_forking = 0

    def install(self) -> None:
        """Take over the signals; only the main thread may."""
        # A shell that became this process may have started them.
        self._others = _children()
        if sys.stdin and sys.stdin.isatty():
            self._terminal = termios.tcgetattr(sys.stdin)
        # Registered last, and so around what others lock for the time of a fork, as logging does.
        os.register_at_fork(
            before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self.no_fork.release
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        # nohup ignores it, and means it.
        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
            signal.signal(signal.SIGHUP, self._end)

    def stop(self, reason: str) -> None:
        """End the run from any thread as a signal would."""
        self._reason = reason
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _before_fork(self) -> None:
        self._is_forking = True
        self.no_fork.acquire()

    def _after_fork(self) -> None:
        self.no_fork.release()
        self._is_forking = False
        if self._came_while_forking:
            self._end(self._came_while_forking)

    def _end(self, number: int, _frame: FrameType | None = None) -> None:
        # Python calls it between two steps of the main thread, which alone forks: no worker can be on its way.
        if os.getpid() != self._pid:
            os._exit(128 + number)  # a worker that has no handlers of its own yet
        if self._is_forking:
            # The most likely moment of all, and what is locked now may be needed by the thread that frees locks.
            self._came_while_forking = number
            return
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)
        # Whatever hangs below: the kernel's own timer needs nothing of Python.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LIMIT)
        try:
            _end_processes(_children() - self._others, signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)
            said = f"\n{self._reason or f'Ended by {signal.Signals(number).name}.'} {self._finish()}\n"
            self._restore_terminal()
        except Exception:
            said = traceback.format_exc()
        # Nobody may be reading the pipe that this is written to, or the main thread was interrupted while it wrote.
        signal.alarm(FAREWELL)
        with suppress(OSError, RuntimeError, ValueError):
            sys.stdout.flush()
        with suppress(OSError):
            os.write(2, said.encode())
        if not self._reason:
            signal.signal(number, signal.SIG_DFL)
            os.kill(self._pid, number)
        # Also where the first process of a container cannot be killed by a signal.
        os._exit(1 if self._reason else 128 + number)

    def _restore_terminal(self) -> None:
        # In the background that would stop this process.
        if self._terminal and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp():
            termios.tcsetattr(sys.stdin, termios.TCSANOW, self._terminal)


def _children() -> set[int]:
    """Return the process ids of what this process has started and not yet waited for."""
    found = {child.pid for child in multiprocessing.active_children() if child.pid}
    # A worker that was forked a moment ago is not among those. Where there is no /proc it ends with its task.
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(path.parent.name))
    return found


def _end_processes(pids: set[int], number: int) -> None:
    """End processes with their groups: a worker has one of its own, with all that its task runs."""
    for pid in pids:
        _send(pid, number)
    until = time.monotonic() + GRACE
    while pids and time.monotonic() < until:
        time.sleep(POLL)
        pids = {pid for pid in pids if _lives(pid)}
    for pid in pids:
        _send(pid, signal.SIGKILL)


def _send(pid: int, number: int) -> None:
    """Send a signal to the group of that number, or to the process where it has not made one yet."""
    try:
        os.killpg(pid, number)
    except PermissionError:  # somebody else's, by `become`
        return
    except ProcessLookupError:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _lives(pid: int) -> bool:
    """Return whether the process or anything of its group is there; a process that has ended is waited for."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    for ask in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            try:
                ask(pid, 0)
            except PermissionError:
                return True
            return True
    return False
