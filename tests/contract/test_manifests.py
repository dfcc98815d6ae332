"""The manifests of every inventory fit the Kubernetes schemas, what all pods owe, and the table of connections."""

import pytest

from tests.contract.manifests import refuse_faults
from tests.contract.renderings import ENVIRONMENTS, OWN_IMAGES, Renderings


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_manifests_are_strictly_valid_and_keep_the_rules(environment: str, renderings: Renderings) -> None:
    refuse_faults(environment, renderings.objects(environment), OWN_IMAGES)
