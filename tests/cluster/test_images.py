"""The images in the registry: what is in them, and what a changed source builds again."""

import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.cluster.checkout import copy_checkout
from tests.cluster.machine import ROOT

ROLES = Path("collections/ansible_collections/rowhouse/platform/roles")
ROOTFS = ROLES / "images/files/rootfs"
STACK = ROOT / ROLES / "stack"
DEFAULTS = yaml.safe_load((STACK / "defaults/main.yml").read_text())
REGISTRY = DEFAULTS["stack_push_registry"]
RELEASE = DEFAULTS["stack_release"]
# Of what is built without being asked for.
REPOSITORIES = {
    name: row["repository"]
    for name, row in yaml.safe_load((STACK / "vars/main/images.yml").read_text())["stack_image_table"].items()
    if "wanted" not in row
}
# The images that the tests build: their own tag, always the same one, so that no real image moves and little is left.
TEST_RELEASE = "test"


@dataclass(frozen=True)
class Run:
    """A run of the build playbook: whether it succeeded, the images that it reported as changed, all its output."""

    succeeded: bool
    changed: set[str]
    output: str


type Build = Callable[..., Run]


@pytest.fixture(scope="session")
def build(ansible_playbook: Callable[..., subprocess.CompletedProcess[str]]) -> Build:
    """Run the build playbook of a copy of the repository, with variables as `name=value`."""

    def run(repository: Path, *variables: str) -> Run:
        extra = [option for variable in variables for option in ("-e", variable)]
        done = ansible_playbook("playbooks/build.yml", "-i", "inventories/dev", *extra, cwd=repository)
        output = done.stdout + done.stderr
        changed = set(re.findall(r"^changed: \[cluster\] => \(item=(\w+)\)", output, re.MULTILINE))
        return Run(done.returncode == 0, changed, output)

    return run


def skopeo(*arguments: str) -> str:
    return subprocess.run(["skopeo", *arguments], check=True, capture_output=True, text=True).stdout


def reference(name: str, tag: str) -> str:
    return f"docker://{REGISTRY}/{REPOSITORIES[name]}:{tag}"


def digest(name: str) -> str:
    inspected = skopeo("inspect", "--no-tags", "--tls-verify=false", reference(name, TEST_RELEASE))
    return str(json.loads(inspected)["Digest"])


def use_real_images(*names: str) -> None:
    """Let the test's tag stand for the real images."""
    for name in names:
        options = ("--src-tls-verify=false", "--dest-tls-verify=false")
        skopeo("copy", *options, reference(name, RELEASE), reference(name, TEST_RELEASE))


@pytest.fixture(scope="module")
def sources(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository, built."""
    copy = tmp_path_factory.mktemp("sources")
    copy_checkout(copy)
    run = build(copy)
    assert run.succeeded, run.output
    return copy


def test_a_run_without_a_change_changes_nothing_and_tells_the_sizes(build: Build, sources: Path) -> None:
    run = build(sources)
    assert "changed=0" in run.output
    for name in REPOSITORIES:
        assert re.search(rf"{name}: [\d.]+ MB to pull, unpacked [\d.]+ MB", run.output), run.output


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("name", REPOSITORIES)
def test_an_image_is_labelled_and_runs_as_a_user_without_rights(name: str) -> None:
    image = json.loads(skopeo("inspect", "--config", "--tls-verify=false", reference(name, RELEASE)))["config"]
    assert image["User"] == "10001:10001"
    assert re.fullmatch("[0-9a-f]{64}", image["Labels"]["org.rowhouse.source-hash"])
    assert image["Labels"]["org.opencontainers.image.title"] == name
    assert image["Labels"]["org.opencontainers.image.version"] == RELEASE
    assert "Volumes" not in image


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("name", REPOSITORIES)
def test_an_image_holds_no_shell_and_nothing_of_this_machine(name: str, tmp_path: Path) -> None:
    skopeo("copy", "--src-tls-verify=false", reference(name, RELEASE), f"dir:{tmp_path}")
    sizes: dict[str, int] = {}
    for layer in json.loads((tmp_path / "manifest.json").read_text())["layers"]:
        with tarfile.open(tmp_path / layer["digest"].removeprefix("sha256:")) as archive:
            sizes |= {f"/{member.name.removeprefix('./')}": member.size for member in archive}
    programs = {path.rsplit("/", 1)[1] for path in sizes if re.match(r"/usr/s?bin/[^/]+$", path)}
    shells = {"sh", "dash", "bash", "busybox"} & programs
    assert shells == ({"sh", "dash"} if name == "postgres" else set())
    assert not {"apt", "apt-get", "dpkg", "perl"} & programs
    # The builder's mount points for its RUN lines may be there, but empty.
    assert sizes.get("/etc/hostname", 0) == sizes.get("/etc/resolv.conf", 0) == sizes.get("/etc/hosts", 0) == 0
    assert "/var/lib/dpkg/status.d/libc6" in sizes


def test_a_changed_line_of_code_builds_api_and_dataset_only(build: Build, sources: Path, tmp_path: Path) -> None:
    repository = Path(shutil.copytree(sources, tmp_path / "repository"))
    with (repository / "api/src/rowhouse/__init__.py").open("a") as code:
        code.write("\n# A changed line.\n")
    use_real_images(*REPOSITORIES)
    run = build(repository, f"stack_release={TEST_RELEASE}", f"images_state_dir={tmp_path / 'state'}")
    assert run.changed == {"api", "dataset"}, run.output


def test_a_changed_data_file_builds_the_dataset_image_only(build: Build, sources: Path, tmp_path: Path) -> None:
    repository = Path(shutil.copytree(sources, tmp_path / "repository"))
    with next((repository / "files/datasets").glob("*/*.csv*")).open("ab") as data:
        data.write(b"\n")
    use_real_images(*REPOSITORIES)
    run = build(repository, f"stack_release={TEST_RELEASE}", f"images_state_dir={tmp_path / 'state'}")
    assert run.changed == {"dataset"}, run.output


@pytest.mark.slow
def test_two_cold_builds_of_everything_give_one_digest(build: Build, sources: Path, tmp_path: Path) -> None:
    digests = []
    for folder, mode in (("one", 0o644), ("deeper/two", 0o664)):
        repository = Path(shutil.copytree(sources, tmp_path / folder))
        (repository / "api/src/rowhouse/__main__.py").chmod(mode)
        # A source of every image that stands on no other one.
        with (repository / ROOTFS).open("a") as script:
            script.write("\n# A changed line.\n")
        use_real_images(*REPOSITORIES)
        run = build(repository, f"stack_release={TEST_RELEASE}", f"images_state_dir={tmp_path / folder}-state")
        assert run.changed == set(REPOSITORIES), run.output
        digests.append({name: digest(name) for name in REPOSITORIES})
    assert digests[0] == digests[1]


def test_a_registry_that_does_not_answer_is_named_with_the_way_out(build: Build) -> None:
    run = build(ROOT, "stack_push_registry=127.0.0.1:9")
    assert not run.succeeded
    for words in ("The registry 127.0.0.1:9 does not answer", "stack_push_registry", "playbooks/cluster.yml"):
        assert words in run.output
