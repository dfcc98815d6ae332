"""The scans of the pipelines: what they look for, they find."""

import json
import os
import secrets
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.cluster.checkout import copy_checkout

ROOT = Path(__file__).parents[2]


# What is locked, or in an image, and where vulnerabilities of such things are kept.
PARTS = {"PyPI": "falcon", "Go": "golang.org/x/crypto", "Debian": "openssl"}


def scan(verb: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", verb], cwd=folder, capture_output=True, text=True, timeout=900, env=os.environ | environment
    )


def test_no_commit_holds_a_secret() -> None:
    done = scan("scan-secrets")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_token_is_found_before_it_is_committed_and_after(tmp_path: Path) -> None:
    copy_checkout(tmp_path)
    words = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "All of it"]):
        subprocess.run([*words, *command], cwd=tmp_path, check=True)
    (tmp_path / "notes.md").write_text(f"token: ghp_{secrets.token_hex(18)}\n")
    assert scan("scan-secrets", tmp_path).returncode != 0
    for command in (["add", "-A"], ["commit", "-q", "-m", "A mistake"]):
        subprocess.run([*words, *command], cwd=tmp_path, check=True)
    (tmp_path / "notes.md").unlink()
    found = scan("scan-secrets", tmp_path)
    assert found.returncode != 0
    assert "notes.md" in found.stdout + found.stderr
    # It is not shown to all who can read the pipeline's log.
    assert "ghp_" not in found.stdout + found.stderr
    shutil.rmtree(tmp_path)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with an SBOM, as syft writes it, of an image that holds openssl."""
    folder = tmp_path / "checkout"
    copy_checkout(folder)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    package = {
        "name": "openssl",
        "SPDXID": "SPDXRef-Package-deb-openssl",
        "versionInfo": "3.5.1-1",
        "downloadLocation": "NOASSERTION",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": "pkg:deb/debian/openssl@3.5.1-1?arch=amd64&distro=debian-13",
            }
        ],
    }
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "redis",
        "documentNamespace": "https://example.com/redis",
        "creationInfo": {"creators": ["Tool: syft"], "created": "2026-01-01T00:00:00Z"},
        "packages": [package],
    }
    (folder / "artifacts/sbom").mkdir(parents=True)
    (folder / "artifacts/sbom/redis.spdx.json").write_text(json.dumps(document))
    return folder


def write_database(folder: Path, *, fixed: str) -> None:
    """Write the files of a database that knows one vulnerability of each part, mended in this version."""
    for place, name in PARTS.items():
        ecosystem = "Debian:13" if place == "Debian" else place
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]
        known = {
            "schema_version": "1.7.0",
            "id": f"TEST-{place}",
            "modified": "2026-01-01T00:00:00Z",
            "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges}],
        }
        path = folder / "osv-scalibr" / place / "all.zip"
        path.parent.mkdir(parents=True)
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(f"TEST-{place}.json", json.dumps(known))


@pytest.mark.parametrize(("fixed", "outcome", "found"), [("999", 2, {*PARTS}), ("0.0.1", 0, set())])
def test_a_known_vulnerability_is_found(
    checkout: Path, tmp_path: Path, fixed: str, outcome: int, found: set[str]
) -> None:
    write_database(tmp_path, fixed=fixed)
    done = scan("scan-vulnerabilities", checkout, OSV_SCALIBR_LOCAL_DB_CACHE_DIRECTORY=str(tmp_path))
    assert done.returncode == outcome, done.stdout + done.stderr
    assert {place for place in PARTS if f"TEST-{place}" in done.stdout} == found


def test_a_scan_without_its_database_is_no_good_news(checkout: Path, tmp_path: Path) -> None:
    done = scan("scan-vulnerabilities", checkout, OSV_SCALIBR_LOCAL_DB_CACHE_DIRECTORY=str(tmp_path))
    assert done.returncode != 0
    assert "nothing is known of vulnerabilities" in done.stderr
    assert "0 known vulnerabilities" not in done.stdout + done.stderr
