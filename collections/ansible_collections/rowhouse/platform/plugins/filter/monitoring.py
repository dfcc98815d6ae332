"""Filters for monitoring: what the components say of rules and panels, as Prometheus and Grafana read it."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

type Object = Mapping[str, Any]

_COLUMNS = 24
_WIDTH, _HEIGHT = 12, 8
# Who is asked, and which of its deployments.
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_VARIABLES = (
    {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
    {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": _DATASOURCE,
        "query": "label_values(kube_pod_info, namespace)",
        "refresh": 2,
    },
)


def rule_groups(
    files: Iterable[str], *, runbooks: str, patience: str, namespace: str, limits: Object
) -> list[dict[str, Any]]:
    """Return the groups of several files of rules, completed.

    Args:
        files: Paths of files as Prometheus reads them.
        runbooks: What the annotation runbook_url of an alert begins with; its name and .md follow.
        patience: In place of the alerts' own `for`; empty: theirs.
        namespace: Whose limits they are.
        limits: Name of a series to its value, which rules compare with.
    """
    recorded = [
        {"record": name, "expr": f"vector({value})", "labels": {"namespace": namespace}}
        for name, value in limits.items()
    ]
    groups = [group for file in files for group in yaml.safe_load(Path(file).read_text(encoding="utf-8"))["groups"]]
    return [
        {"name": "rowhouse-limits", "rules": recorded},
        *(
            {**group, "rules": [_complete(rule, runbooks=runbooks, patience=patience) for rule in group["rules"]]}
            for group in groups
        ),
    ]


def dashboard_description(file: str) -> dict[str, Any]:
    """Return title and panels that a file describes."""
    described: dict[str, Any] = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    return described


def grafana_dashboard(description: Object, name: str) -> dict[str, Any]:
    """Return a dashboard of Grafana with the described panels, two in a row.

    Args:
        description: {title, panels: [{title, unit, query, by: label that tells the series apart}]}.
        name: By which links find it.
    """
    return {
        "uid": f"rowhouse-{name}",
        "title": description["title"],
        "tags": ["rowhouse"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": list(_VARIABLES)},
        "panels": [_panel(number, panel) for number, panel in enumerate(description["panels"])],
    }


def scrape(target: Object, *, namespace: str) -> dict[str, Any]:
    """Return Prometheus' configuration that asks all pods behind a name for their metrics.

    Args:
        target: {job, host: a name in DNS, or localhost for Prometheus' own pod, number: of the port}.
        namespace: Which all series are labelled with.
    """
    if target["host"] == "localhost":
        found: dict[str, Any] = {"static_configs": [{"targets": [f"localhost:{target['number']}"]}]}
    else:
        names = {"names": [target["host"]], "type": "A", "port": target["number"], "refresh_interval": "5s"}
        found = {"dns_sd_configs": [names]}
    labelled = [{"target_label": "namespace", "replacement": namespace}]
    # What kube-state-metrics says of a pod is about that pod.
    return {"job_name": target["job"], "honor_labels": True, **found, "relabel_configs": labelled}


def certificate_scrape(certificate: Object, *, namespace: str) -> dict[str, Any]:
    """Return Prometheus' configuration that asks how long a certificate ({key: name, value: host:port}) is good."""
    target = {"job": f"certificate-{certificate['key']}", "host": "exporters", "number": 9115}
    asked = scrape(target, namespace=namespace)
    named = {"target_label": "certificate", "replacement": certificate["key"]}
    probe = {"metrics_path": "/probe", "params": _probe(certificate)}
    return asked | probe | {"relabel_configs": [*asked["relabel_configs"], named]}


def pod_endpoint(target: Object, *, interval: str) -> dict[str, Any]:
    """Return the endpoint of a PodMonitor for a target ({job, port: its name})."""
    job = {"targetLabel": "job", "replacement": target["job"]}
    return {"port": target["port"], "interval": interval, "honorLabels": True, "relabelings": [job]}


def certificate_endpoint(certificate: Object, *, interval: str) -> dict[str, Any]:
    """Return an endpoint of a PodMonitor that asks how long a certificate is good."""
    asked = pod_endpoint({"job": f"certificate-{certificate['key']}", "port": "probe"}, interval=interval)
    named = {"targetLabel": "certificate", "replacement": certificate["key"]}
    probe = {"path": "/probe", "params": _probe(certificate)}
    return asked | probe | {"relabelings": [*asked["relabelings"], named]}


def _complete(rule: Object, *, runbooks: str, patience: str) -> dict[str, Any]:
    if "alert" not in rule:
        return dict(rule)
    annotations = {**rule["annotations"], "runbook_url": f"{runbooks}{rule['alert']}.md"}
    return {**rule, "for": patience or rule["for"], "annotations": annotations}


def _panel(number: int, panel: Object) -> dict[str, Any]:
    place = {
        "x": number * _WIDTH % _COLUMNS,
        "y": number // (_COLUMNS // _WIDTH) * _HEIGHT,
        "w": _WIDTH,
        "h": _HEIGHT,
    }
    legend = f"{{{{{panel['by']}}}}}" if "by" in panel else panel["title"]
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel["title"],
        "datasource": _DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel["unit"], "min": 0}, "overrides": []},
        "targets": [{"refId": "A", "datasource": _DATASOURCE, "expr": panel["query"], "legendFormat": legend}],
    }


def _probe(certificate: Object) -> dict[str, list[str]]:
    return {"module": ["certificate"], "target": [certificate["value"]]}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {
            "certificate_endpoint": certificate_endpoint,
            "certificate_scrape": certificate_scrape,
            "dashboard_description": dashboard_description,
            "grafana_dashboard": grafana_dashboard,
            "pod_endpoint": pod_endpoint,
            "rule_groups": rule_groups,
            "scrape": scrape,
        }
