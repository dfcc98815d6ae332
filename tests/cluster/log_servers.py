"""Servers that take logs as somebody else's would: processes of this machine, at the address by which pods reach it."""

import json
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.cluster.machine import BRIDGE, ROOT

PATIENCE = 90


@dataclass(frozen=True)
class Line:
    """What a server knows of a line of a container."""

    component: str
    pod: str
    level: str
    request_id: str
    text: str

    @property
    def fields(self) -> dict[str, Any]:
        """What the application said, from the line itself."""
        found: dict[str, Any] = json.loads(self.text)
        return found


class LogServer(ABC):
    """A server that may go away and come back with what it had."""

    name: str
    port: int

    def __init__(self, folder: Path, namespace: str) -> None:
        self.folder = folder
        self.namespace = namespace
        self.url = f"http://{node_address()}:{self.port}"
        self._program = self.program()

    @abstractmethod
    def program(self) -> list[str]:
        """Return what starts it, made ready before."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether it answers."""

    @abstractmethod
    def find(self, prefix: str) -> list[Line]:
        """Return the lines whose request ids begin so, as often as the server has them."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it, and end it."""
        log = (self.folder / "log").open("a")
        process = subprocess.Popen(self._program, stdout=log, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + PATIENCE
            while not self.is_ready():
                assert process.poll() is None, (self.folder / "log").read_text()[-3000:]
                assert time.monotonic() < end, (self.folder / "log").read_text()[-3000:]
                time.sleep(0.5)
            yield
        finally:
            process.terminate()
            process.wait()
            log.close()

    def wait_for(self, number: int, prefix: str) -> list[Line]:
        """Look until there are so many lines; return all that there are then."""
        end = time.monotonic() + PATIENCE
        while len(found := self.find(prefix)) < number and time.monotonic() < end:
            time.sleep(1)
        return found

    def answers(self, path: str) -> bool:
        try:
            return httpx.get(f"{self.url}{path}", timeout=10).is_success
        except httpx.HTTPError:
            return False


class Loki(LogServer):
    """Loki, one process, its data in files."""

    name = "loki"
    port = 3100

    def program(self) -> list[str]:
        settings = {
            "auth_enabled": False,
            "server": {
                "http_listen_address": node_address(),
                "http_listen_port": self.port,
                "grpc_listen_address": "127.0.0.1",
                "grpc_listen_port": 9195,
            },
            "common": {
                "instance_addr": "127.0.0.1",
                "path_prefix": str(self.folder),
                "storage": {
                    "filesystem": {
                        "chunks_directory": f"{self.folder}/chunks",
                        "rules_directory": f"{self.folder}/rules",
                    }
                },
                "replication_factor": 1,
                "ring": {"kvstore": {"store": "inmemory"}},
            },
            "schema_config": {
                "configs": [
                    {
                        "from": "2024-01-01",
                        "store": "tsdb",
                        "object_store": "filesystem",
                        "schema": "v13",
                        "index": {"prefix": "index_", "period": "24h"},
                    }
                ]
            },
            "analytics": {"reporting_enabled": False},
        }
        (self.folder / "loki.yml").write_text(yaml.safe_dump(settings))
        return [_printed("scripts/go-tool", "tests/loki"), f"-config.file={self.folder / 'loki.yml'}"]

    def is_ready(self) -> bool:
        return self.answers("/ready")

    def find(self, prefix: str) -> list[Line]:
        question = {
            "query": f'{{namespace="{self.namespace}"}} |= "{prefix}" | json | request_id=~"{prefix}.*"',
            "start": str(time.time_ns() - 3600 * 10**9),
            "limit": "5000",
        }
        answer = httpx.get(f"{self.url}/loki/api/v1/query_range", params=question, timeout=30).raise_for_status()
        return [
            Line(labels["component"], labels["pod"], labels["level"], labels["request_id"], text)
            for stream in answer.json()["data"]["result"]
            for labels in [stream["stream"]]
            for _, text in stream["values"]
        ]


class BulkServer(LogServer):
    """OpenSearch, or Elasticsearch: one node from its jars."""

    request_id_field = "request_id.keyword"

    def program(self) -> list[str]:
        classes = _printed("scripts/java-program", f"tests/{self.name}")
        return ["java", "-Xmx512m", "-cp", classes, "Server", str(self.folder), node_address(), str(self.port)]

    def is_ready(self) -> bool:
        return self.answers("/_cluster/health?wait_for_status=yellow&timeout=5s")

    def find(self, prefix: str) -> list[Line]:
        httpx.post(f"{self.url}/{self.namespace}/_refresh", timeout=30)
        question = {"size": 5000, "query": {"prefix": {self.request_id_field: prefix}}}
        answer = httpx.post(f"{self.url}/{self.namespace}/_search", json=question, timeout=30)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        return [
            Line(told["component"], told["pod"], told["level"], told["request_id"], told["message"])
            for hit in answer.raise_for_status().json()["hits"]["hits"]
            for told in [hit["_source"]]
        ]

    def forget(self) -> None:
        """Remove the index, and with it what it knows of fields."""
        httpx.delete(f"{self.url}/{self.namespace}", timeout=30).raise_for_status()

    def prepare(self, template: Mapping[str, Any]) -> None:
        """Give it an index template, which says itself which indices it is for."""
        httpx.put(f"{self.url}/_index_template/logs", json=template, timeout=30).raise_for_status()
        self.request_id_field = "request_id"


class OpenSearch(BulkServer):
    name = "opensearch"
    port = 9290


class Elasticsearch(BulkServer):
    name = "elasticsearch"
    port = 9291


def node_address() -> str:
    """Return the address of this machine that pods reach, and nothing outside does."""
    words = ["ip", "-4", "-json", "address", "show", "dev", BRIDGE]
    found = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    return str(found[0]["addr_info"][0]["local"])


def _printed(script: str, folder: str) -> str:
    done = subprocess.run([ROOT / script, folder], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()
