"""As much of a Kubernetes API as a lock needs: namespaces, and Leases with uid, preconditions and JSON patches."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.unit.kubernetes_api import kubeconfig_of

type Object = dict[str, Any]

CONTEXT = "dev"
_VERSION_TEXTS = ("buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion", "platform")
_FACTS: dict[str, Object] = {
    "version": dict.fromkeys(_VERSION_TEXTS, "") | {"major": "1", "minor": "36", "gitVersion": "v1.36.0"},
    "api": {"kind": "APIVersions", "versions": ["v1"]},
    "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
}


@dataclass
class LeaseApi:
    """A cluster with nothing but namespaces and their Lease.

    Attributes:
        leases: Namespace to its Lease; None: it has none.
        ahead: By how much its clock differs from ours.
        refuses: Status that every question is answered with; 0: none.
        asked: Methods and paths that were asked for.
    """

    leases: dict[str, Object | None] = field(default_factory=dict)
    ahead: timedelta = timedelta()
    refuses: int = 0
    asked: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Object]:
        """Return status and content."""
        words = path.partition("?")[0].strip("/").split("/")
        self.asked.append(f"{method} {words[-1]}")
        if self.refuses:
            return self.refuses, {"message": "it may not"}
        if len(words) == 1 and words[0] in _FACTS:
            return 200, _FACTS[words[0]]
        if words == ["api", "v1", "namespaces"]:
            if body["metadata"]["name"] in self.leases:
                return 409, {}
            self.leases[body["metadata"]["name"]] = None
            return 201, body
        namespace = words[4]
        if namespace not in self.leases:
            return 404, {"message": f'namespaces "{namespace}" not found'}
        return self._lease(method, namespace, body)

    def _lease(self, method: str, namespace: str, body: Any) -> tuple[int, Object]:
        lease = self.leases[namespace]
        if method == "POST":
            if lease:
                return 409, {}
            number = str(next(self._numbers))
            body["metadata"] |= {"uid": number, "creationTimestamp": self.now().isoformat()}
            lease = self.leases[namespace] = self._changed(body)
        elif lease is None:
            return 404, {}
        elif method == "PATCH":
            test, replace = body
            if lease["spec"]["holderIdentity"] != test["value"]:
                return 422, {}
            lease["spec"]["renewTime"] = replace["value"]
            self._changed(lease)
        elif method == "DELETE":
            wanted: Object = (body or {}).get("preconditions", {})
            if any(lease["metadata"][name] != value for name, value in wanted.items()):
                return 409, {}
            self.leases[namespace] = None
        return 200, lease

    def _changed(self, lease: Object) -> Object:
        lease["metadata"]["resourceVersion"] = str(next(self._numbers))
        return lease


@contextmanager
def served(api: LeaseApi, folder: Path) -> Iterator[Path]:
    """Serve it on loopback, and yield the kubeconfig that leads to it."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
            status, found = api.answer(self.command, self.path, body)
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - as the base class calls them

        def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002 - as the base class has it
            return format_datetime(api.now(), usegmt=True)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with kubeconfig_of(Handler, folder, CONTEXT) as path:
        yield path
