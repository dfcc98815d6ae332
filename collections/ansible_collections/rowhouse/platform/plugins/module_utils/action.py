"""What every action plugin of ours does alike: check its arguments, act, and turn a refusal into a failed task."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError


def required(**kinds: str | list[str]) -> dict[str, dict[str, Any]]:
    """Return the specs of arguments that have to be there, by their types; `["str"]` is a list of texts."""
    return {
        name: ({"type": kind} if isinstance(kind, str) else {"type": "list", "elements": kind[0]}) | {"required": True}
        for name, kind in kinds.items()
    }


class Action(ActionBase):
    """An action on the controller, which changes nothing unless `act` says so.

    ARGUMENTS is an argument spec as modules have it.
    """

    ARGUMENTS: ClassVar[Mapping[str, Any]]
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = {"changed": False, **super().run(tmp, task_vars)}
        _, arguments = self.validate_argument_spec(argument_spec=self.ARGUMENTS)
        try:
            return {**result, **self.act(arguments, task_vars or {})}
        except RefusalError as error:
            return {**result, "failed": True, "msg": str(error)}

    def found(self, lines: list[str]) -> dict[str, Any]:
        """Return a result that is a change when there are lines; they are shown, as a diff when one is asked for."""
        if not self._task.diff:
            for line in lines:
                Display().display(f"    {line}")
        return {"changed": bool(lines), "diff": {"before": "".join(f"{line}\n" for line in lines), "after": ""}}

    @abstractmethod
    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return members of the task's result; a RefusalError fails the task with its text."""
