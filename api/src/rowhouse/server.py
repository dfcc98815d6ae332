"""gunicorn as the process manager and HTTP server, configured here alone: no file, no variable, no option."""

import gc
import logging
import os
import shutil
import signal
from pathlib import Path
from typing import cast

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger

from rowhouse.app import Ports
from rowhouse.asgi import build_app
from rowhouse.dataset import Dataset
from rowhouse.middleware import Farewell
from rowhouse.settings import Settings
from rowhouse.worker import Worker

# Less than the 30 s that Kubernetes gives a pod to end.
_GRACEFUL_TIMEOUT_SECONDS = 20
# Longer than between two requests of a busy client.
_FAREWELL_SECONDS = 1
# Longer than those who ask keep a connection that they may use again: a proxy commonly 60 s, a client 5 to 60 s. One
# that is closed here just as they ask on it is an error there.
_KEEPALIVE_SECONDS = 75
# The most that gunicorn knows as a limit; a query string of 8,000 characters, which RFC 9110 asks for, fits in.
_REQUEST_LINE_BYTES = 8190

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Server(BaseApplication):
    """Serves the datasets on both ports until SIGTERM."""

    def __init__(self, settings: Settings, datasets: tuple[Dataset, ...], metrics_dir: Path) -> None:
        """Take what the app is built from; it is built before the workers fork, who share its memory.

        Args:
            settings: From the environment.
            datasets: What is served.
            metrics_dir: An empty folder for the workers' counts, removed at the end.
        """
        self._settings = settings
        self._datasets = datasets
        self._metrics_dir = metrics_dir
        self._farewell = Farewell()
        super().__init__()  # type: ignore[no-untyped-call] # gunicorn ships no types

    def load_config(self) -> None:
        """Hand gunicorn its settings."""
        settings = self._settings
        config = cast("Config", self.cfg)
        for name, value in {
            "bind": [f"{settings.host}:{settings.port}", f"{settings.host}:{settings.admin_port}"],
            "workers": settings.workers,
            "worker_class": Worker,
            "asgi_lifespan": "on",
            "asgi_loop": "uvloop",
            "preload_app": True,
            "control_socket_disable": True,
            "graceful_timeout": _GRACEFUL_TIMEOUT_SECONDS,
            "keepalive": _KEEPALIVE_SECONDS,
            "limit_request_line": _REQUEST_LINE_BYTES,
            "when_ready": lambda _arbiter: _keep_shared(),
            "post_worker_init": self._take_signals,
            "on_exit": lambda _arbiter: shutil.rmtree(self._metrics_dir),
            "logger_class": _Log,
            "loglevel": settings.log_level,
            "proc_name": "rowhouse",
        }.items():
            config.set(name, value)

    def load(self) -> Ports:
        """Build the app."""
        return build_app(self._settings, self._datasets, self._metrics_dir, self._farewell)

    def run(self) -> None:
        """Serve until SIGTERM.

        A worker is born with its signals held, and lets them in when its event loop runs: one that arrives between
        would be lost, as the handlers that it inherits only tell its own copy of the parent's queue.
        """
        os.register_at_fork(before=_hold_signals, after_in_parent=_release_signals)
        super().run()  # type: ignore[no-untyped-call] # gunicorn ships no types

    def _take_signals(self, worker: Worker) -> None:
        worker.loop.add_signal_handler(signal.SIGTERM, self._end, worker)
        # Let them in with the event loop's first step.
        worker.loop.call_soon(_release_signals)

    def _end(self, worker: Worker) -> None:
        """End a worker after a time in which every answer is announced to be the last on its connection.

        gunicorn would close at once behind an answer that is being sent, though that promised to keep the connection,
        and what the client asked next on it would be lost.
        """
        self._farewell.begin()
        worker.loop.call_later(_FAREWELL_SECONDS, worker.handle_exit_signal)


def _keep_shared() -> None:
    """Have the collector leave alone what is there before the workers fork: it would write to every page they share."""
    gc.collect()
    gc.freeze()


def _hold_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING_SIGNALS)


class _Log(Logger):
    """gunicorn's own messages, through our handler. Requests are logged by the app."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)  # type: ignore[no-untyped-call] # gunicorn ships no types
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        logging.captureWarnings(True)
