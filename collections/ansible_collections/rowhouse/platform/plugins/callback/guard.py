"""Callback `guard`: keeps the lock that a run has taken, and ends a run, all of it, at the first Ctrl-C.

ansible.cfg enables it: callbacks_enabled = rowhouse.platform.guard
"""

import atexit
import os
import shutil
from typing import TYPE_CHECKING, Any

from ansible import constants, context
from ansible.plugins.callback import CallbackBase
from ansible_collections.rowhouse.platform.plugins.module_utils.interruption import Interruption
from ansible_collections.rowhouse.platform.plugins.module_utils.run_link import Holder

if TYPE_CHECKING:
    from ansible_collections.rowhouse.platform.plugins.module_utils.keeper import Freed, Keeper

DOCUMENTATION = """
name: guard
type: notification
short_description: Keeps the lock of a deployment, and ends a run at the first Ctrl-C
description:
  - Renews the lock that the action rowhouse.platform.lock has taken, and frees it when the run ends.
  - At the first SIGINT, SIGTERM or SIGHUP it ends the run with all that it has started.
author: Rowhouse
"""
LOCK = "rowhouse.platform.lock"
AGAIN = "Run the same command again: it goes on from what is there."


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "rowhouse.platform.guard"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._pid = os.getpid()
        self._keeper: Keeper | None = None
        self._interruption = Interruption(self._finish)

    def v2_playbook_on_start(self, _playbook: Any) -> None:
        self._interruption.install()
        # For a run that ends by an error of ansible-core's own; workers end without it.
        atexit.register(self._free)

    def v2_runner_on_start(self, _host: Any, task: Any) -> None:
        if task.action == LOCK and self._keeper is None:
            # Not before it is needed, as it takes half a second; every later task is then spared its own import.
            from ansible_collections.rowhouse.platform.plugins.module_utils.keeper import Keeper

            self._keeper = Keeper(Holder.this_run(context.CLIARGS), self._interruption.stop, self._interruption.no_fork)
            self._keeper.link.publish()
            self._keeper.start()

    def v2_playbook_on_stats(self, _stats: Any) -> None:
        self._free()

    def _free(self) -> None:
        if self._keeper and os.getpid() == self._pid:
            freed = self._keeper.free()
            if freed.left:
                self._display.warning(_told(freed))

    def _finish(self) -> str:
        # What ansible-core removes at an exit that will not be: there may be decrypted files in it.
        shutil.rmtree(vars(constants)["DEFAULT_LOCAL_TMP"], ignore_errors=True)
        told = _told(self._keeper.free()) if self._keeper else ""
        return f"Nothing of this run is left running. {told}{AGAIN}"


def _told(freed: "Freed") -> str:
    """Return what people should know of the locks, with a blank at the end."""
    done = f"The lock of {' and '.join(freed.done)} is free again. " if freed.done else ""
    left = f"The lock of {' and '.join(freed.left)} could not be freed: it ends by itself within a minute. "
    return done + (left if freed.left else "")
