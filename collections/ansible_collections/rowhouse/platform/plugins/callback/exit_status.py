"""Callback `exit_status`: ends a run that went well with the status that a task asked for.

Ansible itself knows success and several ways to fail; a plan has two ways to succeed.
"""

from typing import Any

from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import CallbackTaskResult
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: exit_status
type: notification
short_description: Ends a run with the status that a task asked for
description:
  - A task whose result has C(exit_status) decides what ansible-playbook ends with, when no task failed.
requirements:
  - enabled by C(callbacks_enabled) in ansible.cfg
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "rowhouse.platform.exit_status"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._status = 0

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """Remember what a task asked for."""
        self._status = max(self._status, result.result.get("exit_status", 0))

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """End, unless something failed: that has a status of its own."""
        if self._status and not (stats.failures or stats.dark):
            raise SystemExit(self._status)
