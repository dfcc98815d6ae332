"""As much of a Kubernetes API as a playbook needs that runs Jobs: what they say is the test's own."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import yaml

type Object = dict[str, Any]

_RESOURCES = {
    "v1": [("pods", "Pod"), ("pods/log", "Pod"), ("events", "Event")],
    "batch/v1": [("jobs", "Job")],
}


@dataclass
class Kubernetes:
    """A cluster whose Jobs are done as soon as they are made.

    Attributes:
        jobs: Those that there are, by name.
        made: All that were ever made.
        output: What a Job writes; empty when it fails.
    """

    jobs: dict[str, Object]
    output: Callable[[Object], str]
    made: list[Object] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Object) -> Any:
        """Return what the API answers: an object, a text, or None for 404."""
        path, _, query = path.partition("?")
        match method, path.strip("/").split("/"):
            case "GET", ["version"]:
                texts = ("buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion", "platform")
                return dict.fromkeys(texts, "") | {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
            case "GET", ["api"]:
                return {"kind": "APIVersions", "versions": ["v1"]}
            case "GET", ["apis"]:
                version = {"groupVersion": "batch/v1", "version": "v1"}
                group = {"name": "batch", "versions": [version], "preferredVersion": version}
                return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}
            case "GET", ["api" | "apis", *version] if "/".join(version) in _RESOURCES:
                return _resources("/".join(version))
            case "GET", [*_, "jobs"]:
                return {"kind": "JobList", "apiVersion": "batch/v1", "items": _selected(self.jobs.values(), query)}
            case "POST", [*_, "jobs"]:
                return self._run(body)
            case "GET", [*_, "jobs", name]:
                return self.jobs.get(name)
            case "DELETE", [*_, "jobs", name]:
                return self.jobs.pop(name)
            case "GET", [*_, "pods", name, "log"]:
                return self.output(self._owner(name))
            case "GET", [*_, "pods"]:
                pods = _selected(map(_pod, self.jobs.values()), query)
                return {"kind": "PodList", "apiVersion": "v1", "items": pods}
            case "GET", [*_, "events"]:
                return {"kind": "EventList", "apiVersion": "v1", "items": []}
        return None

    def _run(self, job: Object) -> Object:
        name = job["metadata"]["name"]
        job["metadata"] |= {"uid": name, "resourceVersion": "1"}
        kind = "Complete" if self.output(job) else "Failed"
        job["status"] = {"conditions": [{"type": kind, "status": "True", "message": "it ended"}]}
        job["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/job-name": name}}
        self.jobs[name] = job
        self.made.append(job)
        return job

    def _owner(self, pod: str) -> Object:
        return self.jobs[pod.removesuffix("-pod")]


def _selected(items: Iterable[Object], query: str) -> list[Object]:
    """Return those with the labels that a query asks for."""
    selector = parse_qs(query).get("labelSelector", [""])[0]
    wanted = dict(label.split("=") for label in selector.split(",") if label)
    return [item for item in items if wanted.items() <= item["metadata"]["labels"].items()]


def _pod(job: Object) -> Object:
    name = job["metadata"]["name"]
    labels = job["spec"]["template"]["metadata"]["labels"] | {"batch.kubernetes.io/job-name": name}
    metadata = {"name": f"{name}-pod", "namespace": job["metadata"]["namespace"], "labels": labels}
    spec = {"containers": [{"name": "keys"}]}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": {}}


def _resources(version: str) -> Object:
    verbs = ["create", "delete", "get", "list"]
    resources = [
        {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": verbs}
        for name, kind in _RESOURCES[version]
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


@contextmanager
def served(kubernetes: Kubernetes, folder: Path, context: str) -> Iterator[Path]:
    """Serve it on loopback, and yield the kubeconfig that leads to it."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or "{}")
            found = kubernetes.answer(self.command, self.path, body)
            is_text = isinstance(found, str)
            content = found if is_text else json.dumps(found or {"kind": "Status", "code": 404})
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Type", "text/plain" if is_text else "application/json")
            self.end_headers()
            self.wfile.write(content.encode())

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - as the base class calls them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with kubeconfig_of(Handler, folder, context) as path:
        yield path


@contextmanager
def kubeconfig_of(handler: type[BaseHTTPRequestHandler], folder: Path, context: str) -> Iterator[Path]:
    """Answer requests by the handler; gives a kubeconfig in the folder that leads there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    path = folder / "kubeconfig"
    content = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
        "current-context": context,
    }
    path.write_text(yaml.safe_dump(content))
    try:
        yield path
    finally:
        server.shutdown()
        server.server_close()
