"""An S3 server that somebody else looks after, within the cluster."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.cluster.machine import ROLES, ROOT
from tests.cluster.output import Run

S3_PORT = 7070
BUCKET = "bucket"
KEYS = {"access_key": "access-key", "secret_key": "throw-away"}
STACK = yaml.safe_load((ROLES / "stack/defaults/main.yml").read_text())
IMAGE = "test/versitygw:1"


def push_image(folder: Path) -> None:
    """Push an image that holds the S3 server and nothing else."""
    program = subprocess.run([ROOT / "scripts/object-store"], check=True, stdout=subprocess.PIPE, text=True)
    recipe = folder / "Containerfile"
    recipe.write_text('FROM scratch\nCOPY versitygw /versitygw\nENTRYPOINT ["/versitygw"]\n')
    (folder / "versitygw").write_bytes(Path(program.stdout.strip()).read_bytes())
    (folder / "versitygw").chmod(0o755)
    storage = ("--root", str(folder / "storage"), "--runroot", str(folder / "run"), "--storage-driver=vfs")
    for words in (
        ("build", "--isolation=chroot", f"--file={recipe}", f"--tag={IMAGE}", str(folder)),
        ("push", "--tls-verify=false", IMAGE, f"docker://{STACK['stack_push_registry']}/{IMAGE}"),
    ):
        subprocess.run(["buildah", *storage, *words], check=True, capture_output=True)


def make_certificate(folder: Path, host: str) -> dict[str, str]:
    """Return a certificate of the host, a name or an address, and its key, as PEM in files that Kubernetes names so."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    kind = "IP" if host.replace(".", "").isdigit() else "DNS"
    names = ("-subj", f"/CN={host}", "-addext", f"subjectAltName={kind}:{host}")
    files = ("-keyout", str(key), "-out", str(certificate))
    words = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    subprocess.run(["openssl", *words, *names, *files], check=True, capture_output=True)
    return {path.name: path.read_text() for path in (certificate, key)}


@contextmanager
def object_store(folder: Path, namespace: str, kubectl: Run, *, secure: bool = False) -> Iterator[str]:
    """Run the server in a namespace of its own, with an empty bucket; its image is made in the folder.

    Yields what it is known by when it is to speak TLS, which it signed itself: a certificate as PEM.
    """
    push_image(folder)
    # An earlier run's may still be on its way out.
    kubectl("delete", "namespace", namespace, "--ignore-not-found")
    kubectl("create", "namespace", namespace)
    # What is a folder there is a bucket.
    folders = {"objects": "/objects", "bucket": f"/objects/{BUCKET}", "attributes": "/attributes"}
    keys = ["--access", KEYS["access_key"], "--secret", KEYS["secret_key"]]
    certificate = make_certificate(folder, f"s3.{namespace}.svc") if secure else {}
    if secure:
        keys += ["--cert", "/tls/tls.crt", "--key", "/tls/tls.key"]
        folders["tls"] = "/tls"
    main = {
        "name": "main",
        "image": f"{STACK['stack_pull_registry']}/{IMAGE}",
        "args": [*keys, "--port", f":{S3_PORT}", "posix", "--sidecar", "/attributes", "/objects"],
        "readinessProbe": {"tcpSocket": {"port": S3_PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in folders.items()],
    }
    spec = {
        "containers": [main],
        "volumes": [
            {"name": name, "secret": {"secretName": "s3"}} if name == "tls" else {"name": name, "emptyDir": {}}
            for name in folders
        ],
        "terminationGracePeriodSeconds": 1,
    }
    metadata = {"name": "s3", "namespace": namespace, "labels": {"server": "s3"}}
    service = {"selector": metadata["labels"], "ports": [{"port": S3_PORT}]}
    items = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
    ]
    if secure:
        items.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": certificate})
    try:
        kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        kubectl("wait", "pod", "--all", "-n", namespace, "--for=condition=Ready", "--timeout=60s")
        yield certificate.get("tls.crt", "")
    finally:
        kubectl("delete", "namespace", namespace, "--wait=false")
