"""What a status says of the facts that were found."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.status import (
    Alert,
    Certificate,
    Component,
    Dataset,
    Disk,
    Ended,
    Facts,
    as_json,
    problems,
    screen,
)

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
RELEASE = {
    "name": "release-3",
    "at": "2025-05-31T12:00:00+00:00",
    "by": "ann@desk",
    "what": "deploy",
    "release": "1.2.0",
    "commit": "abc",
    "outcome": "good",
    "reason": "",
}
API = Component("Deployment", "api", 2, 2, "api@1b38db2f92", "2/2 ready", is_done=True)
LONG_AGO = NOW - timedelta(hours=2)
KILLED = Ended("api-1", "api", "OOMKilled, exit code 137", NOW - timedelta(minutes=5))
WELL = Facts(
    namespace="rowhouse-prod",
    release=RELEASE,
    last=RELEASE,
    components=[API],
    reasons=[],
    datasets=[Dataset("air_quality", 4, 149151, NOW - timedelta(days=3))],
    answers=(900, 1000),
    disk=Disk(2 * 2**30, 10 * 2**30),
    certificates=[Certificate("in Secret tls", NOW + timedelta(days=60))],
    drift=[],
    backup=NOW - timedelta(hours=10),
    backup_limit=timedelta(days=2),
)
# {a fact: (what is said of it, the beginning of the next step)}
ILL: dict[str, tuple[dict[str, Any], str, str]] = {
    "an alert": (
        {"alerts": [Alert("RowhouseRedisDown", "Redis does not answer")]},
        "RowhouseRedisDown fires: Redis does not answer",
        "docs/runbooks/RowhouseRedisDown.md",
    ),
    "not ready": (
        {"components": [dataclasses.replace(API, ready=1, progress="1/2 ready, pod api-1: Pending", is_done=False)]},
        "Deployment api: 1/2 ready, pod api-1: Pending",
        "kubectl describe deployment api -n rowhouse-prod",
    ),
    "ended": (
        {"components": [dataclasses.replace(API, restarts=1, ended=KILLED)]},
        "Deployment api: container api ended 5 min ago: OOMKilled, exit code 137",
        "kubectl logs api-1 -c api --previous -n rowhouse-prod",
    ),
    "silent": ({"datasets": None}, "the API does not answer", "kubectl logs deployment/api"),
    "degraded": ({"reasons": ["cache"]}, "the API is degraded: cache", "kubectl get pods"),
    "cold": ({"answers": (10, 1000)}, "only 1% of 1,000 answers came from a cache", "docs/observing.md"),
    "failed": (
        {"last": RELEASE | {"name": "release-4", "outcome": "restored", "reason": "ErrImagePull\nmore"}},
        "release-4 did not go well (restored): ErrImagePull",
        "ansible-playbook playbooks/plan.yml",
    ),
    "edited": ({"drift": ["Service/api is gone"]}, "1 difference from the release", "ansible-playbook deploy.yml"),
    "full": ({"disk": Disk(9, 10)}, "the database's volume is 90% full", "grow its claim"),
    "no backup": ({"backup": None}, "no backup was ever verified", "ansible-playbook playbooks/backup.yml"),
    "an old backup": (
        {"backup": NOW - timedelta(hours=50)},
        "the last backup was verified 2 d ago",
        "ansible-playbook playbooks/backup.yml",
    ),
    "old": (
        {"certificates": [Certificate("in Secret tls", NOW + timedelta(days=3))]},
        "the certificate in Secret tls ends on 2025-06-04",
        "renew it",
    ),
}


def test_when_all_is_well_it_fits_one_screen_and_says_so() -> None:
    lines = screen(WELL, problems(WELL, NOW), NOW)
    assert lines == [
        "rowhouse-prod: release-3 (deploy, rowhouse 1.2.0) by ann@desk, 24 h ago, commit abc",
        "",
        "COMPONENT       READY  IMAGE           RESTARTS",
        "Deployment/api  2/2    api@1b38db2f92  0",
        "",
        "DATASET      VERSION  ROWS     AGE",
        "air_quality  4        149,151  3 d",
        "",
        "cache: 90% of 1,000 answers",
        "disk of the database: 2.0 of 10.0 GiB, 20%",
        "last verified backup: 10 h ago",
        "certificate in Secret tls: until 2025-07-31, 60 days",
        "",
        "drift: none",
        "",
        "All is well.",
    ]


@pytest.mark.parametrize("fact", ILL)
def test_each_problem_has_its_next_step(fact: str) -> None:
    change, what, next_step = ILL[fact]
    facts = dataclasses.replace(WELL, **change)
    (found,) = problems(facts, NOW)
    assert found.what.startswith(what)
    assert found.next_step.startswith(next_step)
    lines = screen(facts, [found], NOW)
    assert f"PROBLEM {found.what}" in lines
    assert f"   next {found.next_step}" in lines
    assert "All is well." not in lines


@pytest.mark.parametrize(
    "change",
    [
        {"answers": (0, 10)},
        {"answers": None},
        {"disk": None},
        {
            "components": [
                dataclasses.replace(API, restarts=1, ended=dataclasses.replace(KILLED, at=NOW - timedelta(hours=2)))
            ]
        },
    ],
)
def test_what_says_nothing_is_no_problem(change: dict[str, Any]) -> None:
    assert problems(dataclasses.replace(WELL, **change), NOW) == []


def test_an_empty_namespace_names_the_deployment() -> None:
    facts = Facts("rowhouse-prod", None, None, [], [], None, None, None, [], [])
    (found,) = problems(facts, NOW)
    assert found.what == "nothing is deployed in rowhouse-prod"
    assert found.next_step.startswith("ansible-playbook deploy.yml")


def test_programs_read_the_same() -> None:
    facts = dataclasses.replace(WELL, disk=None)
    read = json.loads(json.dumps(as_json(facts, problems(facts, NOW)), default=datetime.isoformat))
    assert read["is_well"]
    assert read["problems"] == []
    assert read["release"]["name"] == "release-3"
    assert read["datasets"] == [
        {"name": "air_quality", "version": 4, "rows": 149151, "loaded_at": "2025-05-29T12:00:00+00:00"}
    ]
    assert read["disk"] is None


def test_alerts_are_told_where_something_watches() -> None:
    def told(alerts: list[Alert] | None) -> list[str]:
        facts = dataclasses.replace(WELL, alerts=alerts)
        return [line for line in screen(facts, problems(facts, NOW), NOW) if line.startswith("alerts")]

    assert told(None) == []
    assert told([]) == ["alerts that fire: none"]
    assert told([Alert("B", ""), Alert("A", "x"), Alert("A", "y")]) == ["alerts that fire: A, B"]
