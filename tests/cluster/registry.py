"""A registry that asks for a login: Debian's, on a free port of loopback, with a password file."""

import base64
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "builder"
PASSWORD = "swordfish"
# That password, as `htpasswd -B` writes it.
HTPASSWD = f"{USER}:$2y$04$abcdefghijklmnopqrstuugIEnm3ZbWF6xb2GcoE3L1CoGJFMKtu.\n"


@contextmanager
def registry_with_login(folder: Path) -> Iterator[str]:
    """Run the registry, which keeps what it has in the folder; gives host:port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        host, port = listener.getsockname()
    address = f"{host}:{port}"
    (folder / "htpasswd").write_text(HTPASSWD)
    configuration = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "http": {"addr": address},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "auth": {"htpasswd": {"realm": "rowhouse", "path": str(folder / "htpasswd")}},
    }
    (folder / "registry.yml").write_text(json.dumps(configuration))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", folder / "registry.yml"], stderr=log)
    try:
        while True:
            with socket.socket() as client:
                if client.connect_ex((host, port)) == 0:
                    break
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait()


def login(host: str, password: str = PASSWORD) -> str:
    """Return what `podman login --authfile` writes, which is what a pull Secret holds too."""
    return json.dumps({"auths": {host: {"auth": base64.b64encode(f"{USER}:{password}".encode()).decode()}}})
