"""More API pods while they have much to do, fewer afterwards, and no deployment in between changes their number."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.inventory import copied_inventory
from tests.cluster.load import steady_load
from tests.cluster.output import Run, changes, said

# It takes minutes, by the autoscaler's own clock, and much CPU.
pytestmark = [pytest.mark.slow, pytest.mark.alone]

PORT = 30827
NAMESPACE = "rowhouse-scaling"
LEAST, MOST = 2, 4
ENVIRONMENT = {"stack_environment": "scaling", "stack_context": "dev", "api_node_port": PORT, "api_replicas": LEAST}
# Little, so that four pods have enough to do with the load of a machine that is busy with other things, too.
SCALED = {"api_replicas_max": MOST, "api_scale_cpu": "20m", "api_scale_down_seconds": 30}


class Scaling:
    """The environment, and how many pods its Deployment wants."""

    def __init__(self, inventory: Path, ansible_playbook: Run, kubectl: Run) -> None:
        self._inventory = inventory
        self._ansible_playbook = ansible_playbook
        self._kubectl = kubectl

    def deploy(self, **variables: object) -> int:
        """Return how many tasks changed something."""
        done = self._ansible_playbook("deploy.yml", "-i", str(self._inventory), "-e", json.dumps(variables))
        assert done.returncode == 0, said(done)
        return changes(done)

    def plan(self, **variables: object) -> str:
        done = self._ansible_playbook("playbooks/plan.yml", "-i", str(self._inventory), "-e", json.dumps(variables))
        return str(done.stdout)

    def status(self) -> str:
        return said(self._ansible_playbook("playbooks/status.yml", "-i", str(self._inventory)))

    def wanted(self) -> int:
        return int(self._kubectl("get", "deployment/api", "-n", NAMESPACE, "-o", "jsonpath={.spec.replicas}").stdout)

    def wait_for(self, number: int, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self.wanted() != number:
            assert time.monotonic() < end, self._kubectl("describe", "hpa/api", "-n", NAMESPACE).stdout
            time.sleep(1)

    @contextmanager
    def watched(self) -> Iterator[set[int]]:
        """Collect the numbers of pods that are wanted meanwhile."""
        seen: set[int] = set()
        is_over = threading.Event()

        def look() -> None:
            while not is_over.wait(0.3):
                seen.add(self.wanted())

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield seen
        finally:
            is_over.set()
            thread.join()


@pytest.fixture(scope="module")
def scaling(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Scaling]:
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    inventory = copied_inventory(tmp_path_factory.mktemp("scaling"), ENVIRONMENT)
    yield Scaling(inventory, ansible_playbook, kubectl)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


def test_a_new_deployment_begins_with_the_least_number(scaling: Scaling) -> None:
    scaling.deploy(**SCALED)
    assert scaling.wanted() == LEAST
    assert scaling.deploy(**SCALED) == 0


def test_it_grows_under_load_and_shrinks_after_it_and_deployments_leave_the_number_alone(scaling: Scaling) -> None:
    with steady_load(f"http://127.0.0.1:{PORT}/air_quality", fresh=True) as load:
        scaling.wait_for(MOST, 240)
        assert "Nothing would change." in scaling.plan(**SCALED)
        assert scaling.deploy(**SCALED) == 0
        assert scaling.wanted() == MOST
        assert f"Deployment/api {MOST}/{MOST}" in scaling.status()
    assert load.failures == []
    scaling.wait_for(LEAST, 360)


def test_a_fixed_number_and_back_without_fewer_pods_meanwhile(scaling: Scaling) -> None:
    with scaling.watched() as seen:
        scaling.deploy(api_replicas=3)
        assert scaling.wanted() == 3
        assert "replicas" not in scaling.plan(**SCALED)
        scaling.deploy(**SCALED)
    assert min(seen) == LEAST
