"""The helper that computes what NetworkPolicies let through, on the cases that are easily got wrong."""

from typing import Any

import pytest

from tests.contract.network import Endpoint, Port, allows, reachable

PORT = Port(80, "web")
WEB = Endpoint("web", "10.0.0.1", "ours", {"app": "web"}, (PORT, Port(53, "dns", "UDP")))
JOB = Endpoint("job", "10.0.0.2", "ours", {"app": "job"})
ALIEN = Endpoint("alien", "10.0.0.3", "theirs", {"app": "job"})
OUTSIDE = Endpoint("outside", "203.0.113.7")
EVERYBODY = {"job", "alien", "outside"}


def policy(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "ours"}, "spec": {"podSelector": {"matchLabels": {"app": "web"}}, **spec}}


def sources(*policies: dict[str, Any], port: Port = PORT) -> set[str]:
    """Return who may connect to the web pod."""
    return {source.name for source in (JOB, ALIEN, OUTSIDE) if allows(policies, source, WEB, port)}


def test_without_a_policy_everything_passes() -> None:
    assert sources() == EVERYBODY


def test_a_policy_without_rules_refuses_and_allowances_add_up() -> None:
    deny = policy(podSelector={}, policyTypes=["Ingress"])
    assert sources(deny) == set()
    assert sources(deny, policy(ingress=[{"from": [{"podSelector": {}}]}])) == {"job"}


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ([], EVERYBODY),
        ([{"podSelector": {"matchLabels": {"app": "job"}}}], {"job"}),
        ([{"namespaceSelector": {}}], {"job", "alien"}),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "theirs"}}}], {"alien"}),
        ([{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "other"}}}], set()),
        ([{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.2/31"]}}], {"outside"}),
        ([{"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["job"]}]}}], set()),
        ([{"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}], {"job"}),
    ],
)
def test_peers(peers: list[dict[str, Any]], expected: set[str]) -> None:
    assert sources(policy(ingress=[{"from": peers}])) == expected


@pytest.mark.parametrize(
    ("ports", "passes"),
    [
        ([], True),
        ([{"port": 80}], True),
        ([{"port": "web"}], True),
        ([{"port": "dns"}], False),
        ([{"port": 70, "endPort": 90}], True),
        ([{"port": 80, "protocol": "UDP"}], False),
        ([{"protocol": "TCP"}], True),
        ([{"port": 81}, {"port": 80}], True),
    ],
)
def test_ports(ports: list[dict[str, Any]], passes: bool) -> None:
    assert sources(policy(ingress=[{"ports": ports}])) == (EVERYBODY if passes else set())


def test_the_source_must_allow_it_too() -> None:
    leaving = policy(podSelector={"matchLabels": {"app": "job"}}, policyTypes=["Egress"])
    assert sources(leaving) == {"alien", "outside"}
    to_web = {
        **leaving,
        "spec": {**leaving["spec"], "egress": [{"to": [{"podSelector": {}}], "ports": [{"port": 80}]}]},
    }
    assert sources(to_web) == EVERYBODY


def test_a_policy_counts_for_leaving_only_when_it_says_so() -> None:
    own = policy(podSelector={"matchLabels": {"app": "job"}}, ingress=[])
    assert sources(own) == EVERYBODY
    assert sources(policy(podSelector={"matchLabels": {"app": "job"}}, egress=[{"ports": [{"port": 1}]}])) == {
        "alien",
        "outside",
    }


def test_all_connections_are_listed() -> None:
    assert set(reachable([policy(ingress=[{"ports": [{"port": "web"}]}])], [WEB, JOB])) == {("job", "web", "TCP", 80)}
