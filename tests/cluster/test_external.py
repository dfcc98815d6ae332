"""Servers, a registry and a way in that somebody else looks after, with the objects and the words that they lead to."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROLES
from tests.cluster.output import Get, Run, changes, said
from tests.cluster.registry import login, registry_with_login

# Three servers and six deployments.
pytestmark = pytest.mark.slow

NAMESPACE = "rowhouse-external"
OUTSIDE = "rowhouse-outside"
PORT = 30816
URL = f"http://127.0.0.1:{PORT}/air_quality"
STACK = yaml.safe_load((ROLES / "stack/defaults/main.yml").read_text())
DATABASE_SQL = ROLES / "images/files/postgres/database.sql"
PASSWORDS = {"rowhouse_loader": "of the loader", "rowhouse_api": "of the 'API'", "redis": "of-the-cache"}

# A server as its owner has it: no database, no role and no file of ours.
POSTGRES = """
initdb --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync --no-instructions
printf 'local all all trust\\nhost all all all scram-sha-256\\n' >$PGDATA/pg_hba.conf
exec postgres -c listen_addresses='*' -c unix_socket_directories=/run/postgresql -c fsync=off
"""
OWNER = "CREATE ROLE owner LOGIN CREATEROLE CREATEDB"

# What differs from what the inventory says, for an environment without a cache.
NO_CACHE: dict[str, Any] = {"redis_mode": "none", "redis_host": "", "redis_peers": [], "redis_existing_secret": ""}


def server(name: str, port: int, image: str, **container: Any) -> list[dict[str, Any]]:
    """Return a pod that is ready when it listens, and its Service."""
    folders = {"data": "/var/lib/postgresql/data", "run": "/run/postgresql"}
    main = {
        "name": "main",
        "image": f"{STACK['stack_pull_registry']}/rowhouse/{image}:{STACK['stack_release']}",
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in folders.items()],
    }
    spec = {
        "containers": [main | container],
        "volumes": [{"name": volume, "emptyDir": {}} for volume in folders],
        "securityContext": {"fsGroup": 10001},
        "terminationGracePeriodSeconds": 1,
    }
    labels = {"server": name}
    metadata = {"name": name, "namespace": OUTSIDE, "labels": labels}
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": port}]},
        },
    ]


@dataclass(frozen=True)
class Environment:
    """An environment with nothing of its own but the API."""

    run: Run
    get: Get

    def deploy(self, **variables: Any) -> subprocess.CompletedProcess[str]:
        return self.run("-e", json.dumps(variables))

    def deployed(self, **variables: Any) -> str:
        done = self.deploy(**variables)
        assert done.returncode == 0, said(done)
        return said(done)

    def objects(self) -> dict[str, dict[str, Any]]:
        """Return what is there, by Kind/name, but what Kubernetes makes by itself."""
        kinds = "statefulsets,deployments,jobs,services,persistentvolumeclaims,secrets,networkpolicies,ingresses"
        items = self.get(kinds, "-n", NAMESPACE)["items"]
        return {f"{item['kind']}/{item['metadata']['name']}": item for item in items}

    def loads(self) -> list[str]:
        """Return the names of the Jobs, the oldest first."""
        jobs = [item for item in self.objects().values() if item["kind"] == "Job"]
        return [item["metadata"]["name"] for item in sorted(jobs, key=lambda job: job["metadata"]["creationTimestamp"])]


@pytest.fixture(scope="module")
def servers(kubectl: Run) -> Iterator[None]:
    """Run PostgreSQL and Redis, and do what docs/external.md asks of their owner."""
    create_namespace(kubectl, OUTSIDE)
    try:
        items = [
            *server("db", 5432, "postgres", command=["/bin/sh", "-ec", POSTGRES]),
            *server("cache", 6379, "redis", args=["--requirepass", PASSWORDS["redis"], "--save", ""]),
        ]
        kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        kubectl("wait", "pod", "--all", "-n", OUTSIDE, "--for=condition=Ready", "--timeout=60s")
        ask(kubectl, "postgres", f"--command={OWNER}")
        ask(kubectl, "owner", "--file=-", "--set=database=tables", stdin=DATABASE_SQL.read_text())
        for role in ("rowhouse_loader", "rowhouse_api"):
            ask(kubectl, "owner", f"--command=\\password {role}", stdin=f"{PASSWORDS[role]}\n" * 2)
        yield
    finally:
        kubectl("delete", "namespace", OUTSIDE, "--wait=false")


def ask(kubectl: Run, user: str, *words: str, stdin: str | None = None) -> str:
    psql = ("psql", "--no-psqlrc", "-qAtX", f"--username={user}", "--dbname=postgres", *words)
    done = kubectl("exec", "-i", "db", "-n", OUTSIDE, "--", *psql, check=False, stdin=stdin)
    assert (done.returncode, "ERROR" in done.stderr) == (0, False), said(done)
    return done.stdout


@pytest.fixture(scope="module")
def environment(
    servers: None,  # noqa: ARG001 - the deployment needs them
    tmp_path_factory: pytest.TempPathFactory,
    ansible_playbook: Run,
    kubectl: Run,
    get: Get,
) -> Iterator[Environment]:
    peers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": OUTSIDE}}}]
    variables = {
        "stack_environment": "external",
        "stack_context": "dev",
        "api_node_port": PORT,
        "api_replicas": 1,
        "postgres_mode": "external",
        "postgres_host": f"db.{OUTSIDE}.svc",
        "postgres_database": "tables",
        "postgres_sslmode": "disable",
        "postgres_peers": peers,
        "postgres_existing_secret": "db-login",
        "redis_mode": "external",
        "redis_host": f"cache.{OUTSIDE}.svc",
        "redis_peers": peers,
        "redis_existing_secret": "cache-login",
    }
    inventory = copied_inventory(tmp_path_factory.mktemp("external"), variables)
    create_namespace(kubectl, NAMESPACE)
    try:
        logins = {"loader-password": PASSWORDS["rowhouse_loader"], "api-password": PASSWORDS["rowhouse_api"]}
        make_secret(kubectl, "db-login", "Opaque", logins)
        make_secret(kubectl, "cache-login", "Opaque", {"password": PASSWORDS["redis"]})

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            return ansible_playbook("deploy.yml", "-i", str(inventory), *words)

        yield Environment(run, get)
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def create_namespace(kubectl: Run, name: str) -> None:
    # An earlier run's may still be on its way out.
    kubectl("delete", "namespace", name, "--ignore-not-found")
    kubectl("create", "namespace", name)


def make_secret(kubectl: Run, name: str, kind: str, texts: Mapping[str, str]) -> None:
    metadata = {"name": name, "namespace": NAMESPACE}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "stringData": texts}
    kubectl("create", "-f", "-", stdin=json.dumps(secret))


@pytest.fixture(scope="module")
def first_words(environment: Environment) -> str:
    return environment.deployed()


def test_with_servers_of_others_there_is_nothing_but_the_api(environment: Environment, first_words: str) -> None:
    assert "1 API pods, a database elsewhere, a cache elsewhere" in first_words
    (load,) = environment.loads()
    policies = {f"NetworkPolicy/{name}" for name in ("default-deny", "load", "api")}
    secrets = {"Secret/db-login", "Secret/cache-login"}
    assert environment.objects().keys() == {"Deployment/api", "Service/api", f"Job/{load}"} | policies | secrets


@pytest.mark.usefixtures("first_words")
def test_answers_come_from_their_database_and_their_cache(kubectl: Run) -> None:
    answers = [httpx.get(URL) for _ in range(2)]
    assert [answer.json()["meta"]["total"] for answer in answers] == [149_151] * 2
    assert answers[1].headers["X-Cache"] == "hit"
    assert "rowhouse_api|tables\n" in ask(
        kubectl, "postgres", "--command=SELECT usename, datname FROM pg_stat_activity"
    )
    login = ("--no-auth-warning", "-a", PASSWORDS["redis"])
    assert int(kubectl("exec", "cache", "-n", OUTSIDE, "--", "redis-cli", *login, "DBSIZE").stdout) > 0


@pytest.mark.usefixtures("first_words")
def test_a_second_run_changes_nothing(environment: Environment) -> None:
    done = environment.deploy()
    assert done.returncode == 0, said(done)
    assert changes(done) == 0, done.stdout


@pytest.fixture(scope="module")
def registry(
    environment: Environment,  # noqa: ARG001 - its namespace gets the Secret
    tmp_path_factory: pytest.TempPathFactory,
    kubectl: Run,
) -> Iterator[dict[str, Any]]:
    """Fill a registry with what a deployment pulls; gives the variables that name it and the login to push by."""
    folder = tmp_path_factory.mktemp("registry")
    with registry_with_login(folder) as host:
        authfile = folder / "auth.json"
        authfile.write_text(login(host))
        make_secret(kubectl, "registry-login", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": login(host)})
        for image in ("api", "dataset", "postgres", "python", "redis"):
            copy_image(f"rowhouse/{image}:{STACK['stack_release']}", host, authfile)
        yield {"stack_push_registry": host, "stack_pull_registry": host, "stack_push_authfile": str(authfile)}


def copy_image(image: str, host: str, authfile: Path) -> None:
    ends = (f"docker://{STACK['stack_push_registry']}/{image}", f"docker://{host}/{image}")
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
    command = ["skopeo", "copy", "--quiet", *plain, f"--dest-authfile={authfile}", *ends]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.usefixtures("first_words")
def test_without_the_pull_secret_the_run_ends_with_the_reason(
    environment: Environment, registry: dict[str, Any]
) -> None:
    before = environment.loads()
    done = environment.deploy(**registry)
    assert done.returncode != 0
    # The Job that got stuck gave way to the one that loaded before.
    assert environment.loads() == before
    assert "Job load-" in said(done)
    assert "ImagePull" in said(done)
    assert "no basic auth credentials" in said(done)
    assert httpx.get(URL).status_code == 200


@pytest.mark.usefixtures("first_words")
def test_with_the_pull_secret_but_without_a_cache_behind_a_balancer_and_an_ingress(
    environment: Environment, registry: dict[str, Any], kubectl: Run
) -> None:
    before = environment.objects()
    choice = {"api_service_type": "LoadBalancer", "api_ingress_host": "air.example.com", "api_ingress_class": "nginx"}
    words = environment.deployed(**registry, **NO_CACHE, **choice, stack_pull_secret="registry-login")
    assert "no load balancer has an address yet: kubectl get service api" in words
    assert "curl 'http://air.example.com/air_quality?limit=1'" in words
    assert "a database elsewhere, no cache" in words
    pods = json.loads(kubectl("get", "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=api", "-o", "json").stdout)
    images = {
        item["image"]
        for pod in pods["items"]
        if "deletionTimestamp" not in pod["metadata"]
        for item in pod["spec"]["containers"]
    }
    assert all(image.startswith(registry["stack_pull_registry"]) for image in images), images
    # Each worker has a memory of its own.
    assert {httpx.get(URL).headers["X-Cache"] for _ in range(20)} == {"miss", "hit"}
    after = environment.objects()
    assert before.keys() <= after.keys()
    assert {name for name in after.keys() - before.keys() if not name.startswith("Job/")} == {"Ingress/api"}


@pytest.mark.usefixtures("first_words")
def test_back_to_the_first_load_and_to_a_service_within_the_cluster(environment: Environment) -> None:
    before = environment.loads()
    words = environment.deployed(api_service_type="ClusterIP", api_node_port=None)
    assert environment.loads() == [before[1], before[0]]
    assert f"kubectl port-forward -n {NAMESPACE} service/api 8000:80" in words
    assert "curl 'http://127.0.0.1:8000/air_quality?limit=1'" in words
    service = environment.objects()["Service/api"]["spec"]
    assert service["type"] == "ClusterIP"
    assert service["ports"] == [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}]
