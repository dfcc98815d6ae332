"""Everything that is asked answers, and every panel shows something, to a query and in a browser."""

import json
import math
import re
import time
from collections.abc import Callable

import pytest
import yaml
from browser import chromium

from tests.cluster.deployment import Deployment
from tests.cluster.machine import ROLES, ROOT
from tests.cluster.monitoring.conftest import DASHBOARDS, NAMESPACE, Watch, wait_until
from tests.cluster.output import Get, Run

JOBS = {
    "api",
    "disk-exporter",
    "postgres-exporter",
    "redis-exporter",
    "state-metrics",
    "certificate-kubernetes",
    "prometheus",
    "alertmanager",
}
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
]

RULES = [
    rule
    for path in sorted(ROLES.glob("*/files/monitoring/rules.yml"))
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
# Only where there are backups, and where a Job has failed.
ELSEWHERE = {"rowhouse_backup_last_verified_timestamp_seconds", "kube_job_failed"}
METRICS = {
    name for rule in RULES for name in re.findall(r"\b(?:rowhouse|pg|redis|kube|probe|node)[_:][\w:]+", rule["expr"])
} - ELSEWHERE


def test_everything_that_is_asked_answers(watch: Watch) -> None:
    wait_until(lambda: watch.targets() == {job: {"up"} for job in JOBS})
    assert watch.query("count by (namespace) (up)")[0]["metric"] == {"namespace": NAMESPACE}


@pytest.fixture(scope="module")
def _measured(deployment: Deployment, ask_all: Callable[[], None]) -> None:  # noqa: ARG001 - which is measured
    """Two measurements before some requests and two after them make a rate."""
    ask_all()
    time.sleep(15)
    ask_all()
    time.sleep(15)


@pytest.mark.usefixtures("_measured")
@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_shows_something(panel: dict[str, str], watch: Watch) -> None:
    series = watch.query(panel["query"])
    assert [item for item in series if math.isfinite(float(item["value"][1]))], series
    assert "by" not in panel or all(panel["by"] in item["metric"] for item in series)


@pytest.mark.usefixtures("_measured")
@pytest.mark.parametrize("metric", sorted(METRICS))
def test_what_a_rule_reads_is_measured(metric: str, watch: Watch) -> None:
    assert watch.query(f"last_over_time({metric}[1h])")


@pytest.mark.usefixtures("deployment")
def test_grafana_finds_a_dashboard_for_each_component(get: Get) -> None:
    (found,) = get("configmaps", "-n", NAMESPACE, "-l", "grafana_dashboard=1")["items"]
    boards = {name.removesuffix(".json"): json.loads(text) for name, text in found["data"].items()}
    assert {name: [panel["title"] for panel in board["panels"]] for name, board in boards.items()} == {
        name: [panel["title"] for panel in description["panels"]] for name, description in DASHBOARDS.items()
    }


def test_the_page_draws_every_panel(watch: Watch, ask_all: Callable[[], None]) -> None:
    ask_all()
    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1360, "height": 940})
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for name, description in DASHBOARDS.items():
            page.goto(f"{watch.prometheus}/consoles/index.html#{name}/10")
            page.locator(f'body[data-drawn="{name}/10"]').wait_for()
            assert page.locator("h2").all_inner_texts() == [panel["title"] for panel in description["panels"]]
            assert page.locator("svg path").count() >= len(description["panels"])
            (ROOT / "artifacts").mkdir(exist_ok=True)
            page.screenshot(path=ROOT / f"artifacts/panels-{name}.png", full_page=True)
    assert complaints == []


def test_a_second_run_changes_nothing(deployment: Deployment) -> None:
    assert "changed=0" in deployment.run("deploy.yml")


@pytest.mark.usefixtures("deployment")
def test_the_role_reads_statistics_and_no_row(kubectl: Run) -> None:
    script = 'read -r PGPASSWORD; export PGPASSWORD; psql -h 127.0.0.1 -U rowhouse_monitor -d rowhouse -Atc "$0"'
    password = kubectl(
        "get",
        "secret",
        "monitoring",
        "-n",
        NAMESPACE,
        "-o",
        'go-template={{index .data "database-password" | base64decode}}',
    ).stdout
    words = ("exec", "-i", "-n", NAMESPACE, "postgres-0", "-c", "postgres", "--", "sh", "-c", script)
    assert kubectl(*words, "SELECT count(*) > 0 FROM pg_stat_activity", stdin=f"{password}\n").stdout.strip() == "t"
    refused = kubectl(*words, "SELECT * FROM rowhouse.users", stdin=f"{password}\n", check=False)
    assert "permission denied" in refused.stderr


def test_switched_off_all_of_it_goes_but_the_history(deployment: Deployment, get: Get) -> None:
    deployment.run("deploy.yml", monitoring_enabled=False)
    kinds = "deployments,services,configmaps,networkpolicies,serviceaccounts,roles,rolebindings,persistentvolumeclaims"
    left = {
        f"{item['kind']}/{item['metadata']['name']}"
        for item in get(kinds, "-n", NAMESPACE, "-l", "app.kubernetes.io/name in (prometheus, exporters)")["items"]
    }
    assert left == {"PersistentVolumeClaim/prometheus"}
    deployment.run("deploy.yml")
