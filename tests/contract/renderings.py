"""What the playbook renders for each inventory and each variant, as hosts of one run, as each run takes seconds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.contract.manifests import ROOT, objects_of, run_render
from tests.contract.variants import VARIANTS

ENVIRONMENTS = sorted(path.name for path in (ROOT / "inventories").iterdir() if path.is_dir())
# An image that is not ours, in place of one that is.
OVERRIDES = {"redis": "registry.example.com/cache/redis@sha256:" + "5" * 64}
OWN_IMAGES = frozenset(OVERRIDES.values())
REFUSED: dict[str, dict[str, object]] = {
    "contradictory": {"postgres_mode": "external", "redis_host": "cache.example.com"},
    "unknown value": {"redis_mode": "extern"},
}


@dataclass(frozen=True)
class Case:
    """An inventory with further variables, and the name of its host in the run."""

    host: str
    variables: Mapping[str, Any]


def cases() -> dict[str, Case]:
    """Return what is rendered, by name: the inventories, the variants, and what is refused."""
    further = {
        **{name: (name, {}) for name in ENVIRONMENTS},
        **{name: (variant.environment, variant.variables) for name, variant in VARIANTS.items()},
        **{name: ("dev", variables) for name, variables in REFUSED.items()},
        "prod": ("prod", {"stack_image_overrides": OVERRIDES}),
    }
    return {name: Case(re.sub("[^a-z]+", "_", name), _of(*of)) for name, of in further.items()}


class Renderings:
    """A finished run."""

    def __init__(self, folder: Path) -> None:
        self.cases = cases()
        self._folder = folder

    def make(self) -> None:
        """Run the playbook once for all."""
        hosts = self._folder / "inventory/host_vars"
        hosts.mkdir(parents=True)
        local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        inventory = {"all": {"hosts": {case.host: local for case in self.cases.values()}}}
        (hosts.parent / "hosts.yml").write_text(yaml.safe_dump(inventory))
        for name, case in self.cases.items():
            variables = {**case.variables, "stack_render_dir": str(self.folder(name))}
            (hosts / f"{case.host}.yml").write_text(yaml.safe_dump(variables))
        done = run_render(hosts.parent, self._folder)
        self._output.write_text(done.stdout + done.stderr)

    @property
    def made(self) -> bool:
        return self._output.exists()

    def folder(self, name: str) -> Path:
        return self._folder / self.cases[name].host

    def objects(self, name: str) -> dict[str, Any]:
        """Return all objects of a case, by kind and name."""
        assert self.folder(name).is_dir(), self._output.read_text()
        return objects_of(self.folder(name))

    def refusal(self, name: str) -> str:
        """Return why the run has failed for a case, in one line."""
        output = self._output.read_text()
        told = rf"^(?:fatal|failed): \[{self.cases[name].host}\](.*?)(?=^\w+: \[|\n\n)"
        found = re.search(told, output, re.DOTALL | re.MULTILINE)
        assert found, output
        return " ".join(found[1].split())

    @property
    def _output(self) -> Path:
        return self._folder / "output.txt"


def _of(environment: str, variables: Mapping[str, object]) -> dict[str, Any]:
    inventory = yaml.safe_load((ROOT / "inventories" / environment / "group_vars/all/main.yml").read_text())
    return {**inventory, **variables}
