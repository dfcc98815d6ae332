"""Each choice changes what it says, strictly valid and within the table of connections; what cannot be is refused."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.contract.manifests import all_problems
from tests.contract.network_table import surplus_and_lack
from tests.contract.renderings import Renderings
from tests.contract.variants import VARIANTS


@pytest.mark.parametrize("name", VARIANTS)
def test_a_choice_changes_what_it_says_and_nothing_becomes_wrong(name: str, renderings: Renderings) -> None:
    variant, variables = VARIANTS[name], renderings.cases[name].variables
    objects = {_stable(place): item for place, item in renderings.objects(name).items()}
    assert all_problems(objects) == []
    assert surplus_and_lack(objects, variables, variant.external) == (set(), set())
    places = objects | environment(objects["Deployment/api"])
    expected = {place: value for choice in variant.choices for place, value in choice.outcome.items()}
    assert {place: found(places, place) for place in expected} == expected


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        # Each contradiction is the matter of test_contradictions.py.
        (
            "contradictory",
            ["postgres_mode is external, but postgres_host is empty", "redis_host: for an external cache only"],
        ),
        ("unknown value", ["value of redis_mode must be one of: internal, external, none, got: extern"]),
    ],
)
def test_contradictions_and_values_that_no_role_takes_are_refused_before_any_change(
    name: str, sentences: list[str], renderings: Renderings
) -> None:
    refusal = renderings.refusal(name)
    assert [sentence for sentence in sentences if sentence not in refusal] == []
    assert not renderings.folder(name).exists()


def found(objects: Mapping[str, Any], place: str) -> Any:
    """Return what is at the place, or None."""
    value: Any = objects
    for key in place.split():
        if isinstance(value, list):
            value = value[int(key)] if int(key) < len(value) else None
        else:
            value = (value or {}).get(key)
    return value


def environment(workload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what its container gets, apart: what has a value, and what comes from a Secret."""
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    name = workload["metadata"]["name"]
    return {
        f"Settings/{name}": {item["name"]: item["value"] for item in container["env"] if "value" in item},
        f"Secrets/{name}": {
            item["name"]: item["valueFrom"]["secretKeyRef"] for item in container["env"] if "valueFrom" in item
        },
    }


def _stable(name: str) -> str:
    """Leave out the hash that names a load."""
    return "Job/load" if name.startswith("Job/load-") else name
