"""Alerts fire on what they are for and on nothing else; each has a runbook, and metrics that exist."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.rowhouse.platform.plugins.filter.monitoring import grafana_dashboard, rule_groups

from tests.contract import role_readme

ROOT = role_readme.ROOT
ROLES = role_readme.ROLES[0].parent
FILES = sorted(ROLES.glob("*/files/monitoring/rules.yml"))
DASHBOARDS = sorted(ROLES.glob("*/files/monitoring/dashboard.yml"))
RUNBOOKS = ROOT / "docs/runbooks"
CASES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("alert_cases.yml").read_text(encoding="utf-8"))
LIMITS = {"rowhouse:stale_after:seconds": 600, "rowhouse:backup_verified_within:seconds": 600}
NAME = re.compile(r"(?<![\w:$\"])[a-z]\w*(?::\w+)*(?=[\s{\[)/]|$)")
# Words of PromQL, and what Prometheus makes by itself.
WORDS = {
    *("and", "or", "unless", "on", "by", "max", "min", "sum", "count", "rate", "increase", "time", "vector"),
    *("histogram_quantile", "group_left", "up", "ALERTS"),
}


def groups(patience: str = "") -> list[dict[str, Any]]:
    return rule_groups(
        [str(path) for path in FILES], runbooks="docs/runbooks/", patience=patience, namespace="n", limits=LIMITS
    )


def alerts(patience: str = "") -> dict[str, Any]:
    return {rule["alert"]: rule for group in groups(patience) for rule in group["rules"] if "alert" in rule}


def _in_order() -> Iterator[tuple[str, Any]]:
    """Yield the alerts as the documents name their components."""
    order = ["rowhouse-api", "rowhouse-postgres", "rowhouse-redis", "rowhouse-namespace"]
    by_name = {group["name"]: group for group in groups()}
    for group in order:
        yield from ((rule["alert"], rule) for rule in by_name[group]["rules"] if "alert" in rule)


def program(name: str, *packages: str) -> str:
    found = subprocess.run(
        ["scripts/debian-program", name, *packages], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


@pytest.fixture(scope="module")
def promtool() -> str:
    return program("promtool", "promtool", "prometheus")


def test_alerts_fire_on_what_they_are_for_and_on_nothing_else(promtool: str, tmp_path: Path) -> None:
    rules, tests = tmp_path / "rules.yml", tmp_path / "tests.yml"
    rules.write_text(json.dumps({"groups": groups()}))
    tests.write_text(json.dumps({"rule_files": [rules.name], "evaluation_interval": "1m", "tests": list(_tests())}))
    checked = subprocess.run([promtool, "check", "rules", rules], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    done = subprocess.run([promtool, "test", "rules", tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _tests() -> Iterator[dict[str, Any]]:
    for name, case in CASES.items():
        for series, expected in [(case["fires"], 1), *((series, 0) for series in case["quiet"])]:
            firing = f'count(ALERTS{{alertname="{name}", alertstate="firing"}}) or vector(0)'
            samples = [{"labels": "{}", "value": expected}]
            yield {
                "name": f"{name} {expected}",
                "interval": "1m",
                "input_series": [{"series": _in_n(key), "values": str(values)} for key, values in series.items()],
                "promql_expr_test": [{"expr": firing, "eval_time": f"{case['at']}m", "exp_samples": samples}],
            }


def _in_n(series: str) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{namespace="n"{f", {labels}" if labels else "}"}'


def test_each_alert_has_cases_and_a_page_and_each_page_an_alert() -> None:
    assert CASES.keys() == alerts().keys()
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == alerts().keys()
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    assert [name for name in alerts() if f"[{name}]({name}.md)" not in index] == []
    table = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\) \| .* \| (\w+) \| (\w+) \|$", table, re.MULTILINE)
    assert rows == [(name, rule["for"], rule["labels"]["severity"]) for name, rule in _in_order()]


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("Rowhouse*.md")), ids=lambda path: path.stem)
def test_a_page_says_what_it_means_where_to_look_how_to_mend_and_to_verify(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Meaning", "Look", "Mend", "Verify"]
    assert text.count("```sh\n") == 3
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not (RUNBOOKS / link).is_file()]
    assert links == []


def test_alerts_say_how_bad_it_is_and_lead_to_their_page() -> None:
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
        assert "$labels" in rule["annotations"]["summary"]
    assert {rule["for"] for rule in alerts("5s").values()} == {"5s"}


def test_each_metric_is_one_that_something_tells() -> None:
    """Those of the API by docs/observing.md, the exporters' by their prefix: the cluster's test asks for values."""
    described = (ROOT / "docs/observing.md").read_text(encoding="utf-8")
    recorded = {rule["record"] for group in groups() for rule in group["rules"] if "record" in rule}
    rules = [rule["expr"] for group in groups() for rule in group["rules"]]
    panels = [panel["query"] for path in DASHBOARDS for panel in yaml.safe_load(path.read_text())["panels"]]
    named = {name for expression in [*rules, *panels] for name in NAME.findall(_bare(expression))} - WORDS
    own = {name for name in named if name.startswith("rowhouse_")}
    assert own >= {"rowhouse_requests_total", "rowhouse_database_up"}
    assert [name for name in own if f"`{name.removesuffix('_bucket')}" not in described] == []
    others = named - own - recorded
    assert [name for name in others if not re.match("(kube|pg|redis|node|probe|process)_", name)] == []


def _bare(expression: str) -> str:
    """Leave out labels: between braces, and in the parentheses behind the words that take some."""
    return re.sub(r"\{[^}]*\}|\b(by|on|group_left) \([^)]*\)", " ", expression)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.parts[-4])
def test_a_dashboard_has_each_panel_in_a_place_of_its_own(path: Path) -> None:
    description = yaml.safe_load(path.read_text(encoding="utf-8"))
    made = grafana_dashboard(description, "x")
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in made["panels"]}
    assert len(places) == len(made["panels"]) == len(description["panels"])
    assert all("$namespace" in panel["targets"][0]["expr"] for panel in made["panels"])
    assert all(set(panel) <= {"title", "unit", "query", "by"} for panel in description["panels"])


def test_what_is_said_of_receivers_is_valid(tmp_path: Path) -> None:
    variables = yaml.safe_load((ROLES / "monitoring/vars/main/scraping.yml").read_text(encoding="utf-8"))
    config = variables["__monitoring_alertmanager"]
    receivers = [{"name": "nobody"}, {"name": "chat", "webhook_configs": [{"url": "http://chat.example.com/hook"}]}]
    path = tmp_path / "alertmanager.yml"
    path.write_text(json.dumps({**config, "receivers": receivers, "route": {**config["route"], "receiver": "nobody"}}))
    amtool = program("amtool", "prometheus-alertmanager")
    done = subprocess.run([amtool, "check-config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
