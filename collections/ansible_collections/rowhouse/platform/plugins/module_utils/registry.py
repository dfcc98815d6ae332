"""What a container registry holds, asked through skopeo, which knows the user's logins."""

import json
import re
import subprocess
from dataclasses import dataclass

from ansible_collections.rowhouse.platform.plugins.module_utils.playbooks import playbook
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError

SOURCE_HASH_LABEL = "org.rowhouse.source-hash"
BASE_DIGEST_LABEL = "org.rowhouse.base-digest"

# The registries' own words for "there is no such repository or tag".
_ABSENT = ("manifest unknown", "name unknown", "repository name not known")

# The registries' and skopeo's own words for a login that is missing, wrong or may not do this.
_REFUSED = ("unauthorized", "authentication required", "access to the resource is denied", "username/password")


class RegistryError(RefusalError):
    """The registry gave no answer, or refused to; the text says which registry and what to do."""


class _AbsentError(Exception):
    """The registry has no such repository, tag or digest."""


@dataclass(frozen=True)
class PublishedImage:
    """An image as the registry holds it: ``sha256:…`` of its manifest, and the labels of its configuration."""

    digest: str
    labels: dict[str, str]


@dataclass(frozen=True)
class Registry:
    """A registry by its ``host[:port]``, and the file with the logins to it: "" for the user's usual one."""

    host: str
    authfile: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine, and so may speak plain HTTP."""
        name = self.host.rsplit(":", 1)[0]
        return name == "localhost" or name.startswith("127.")

    @property
    def options(self) -> tuple[str, ...]:
        """What skopeo and buildah must be told to reach it."""
        tls_verify = f"--tls-verify={str(not self.is_loopback).lower()}"
        return (tls_verify, f"--authfile={self.authfile}") if self.authfile else (tls_verify,)

    def reference(self, repository: str, tag_or_digest: str) -> str:
        separator = "@" if tag_or_digest.startswith("sha256:") else ":"
        return f"{self.host}/{repository}{separator}{tag_or_digest}"

    def inspect(self, repository: str, tag: str) -> PublishedImage | None:
        """Return the image behind a tag, or None when the registry has none.

        Raises:
            RegistryError: No skopeo, no answer, or no permission.
        """
        try:
            answer = json.loads(self._ask("--no-tags", self.reference(repository, tag)))
        except _AbsentError:
            return None
        return PublishedImage(digest=answer["Digest"], labels=answer["Labels"] or {})

    def compressed_size(self, repository: str, digest: str) -> int:
        """Return the bytes of all layers of an image, as pulled.

        Raises:
            RegistryError: As `inspect`, or the image is not there.
        """
        reference = self.reference(repository, digest)
        try:
            manifest = json.loads(self._ask("--raw", reference))
        except _AbsentError as error:
            raise RegistryError(f"{reference} vanished from the registry") from error
        return sum(layer["size"] for layer in manifest["layers"])

    def copy(self, repository: str, digest: str, destination: str) -> None:
        """Copy an image as it is, to where skopeo knows to write: ``docker://…``, ``oci:FOLDER:TAG``.

        Raises:
            RegistryError: As `inspect`, or the image is not there.
        """
        options = [option.replace("--", "--src-", 1) for option in self.options]
        if destination.startswith("docker://"):
            options += [option.replace("--", "--dest-", 1) for option in self.options]
        source = self.reference(repository, digest)
        try:
            self._skopeo("copy", "--quiet", "--preserve-digests", *options, f"docker://{source}", destination)
        except _AbsentError as error:
            raise RegistryError(f"{source} vanished from the registry") from error

    def _ask(self, option: str, reference: str) -> str:
        return self._skopeo("inspect", option, *self.options, f"docker://{reference}")

    def _skopeo(self, *words: str) -> str:
        try:
            result = subprocess.run(["skopeo", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607
        except FileNotFoundError as error:
            raise RegistryError("skopeo asks the registry and is not installed: apt-get install skopeo") from error
        if result.returncode == 0:
            return result.stdout
        if any(words in result.stderr for words in _ABSENT):
            raise _AbsentError
        if any(words in result.stderr for words in _REFUSED):
            remedy = f"Log in with `podman login {self.host}`, or name the file with the login in stack_push_authfile."
        else:
            remedy = (
                "Name one that does in stack_push_registry, or start the local cluster's: "
                f"ansible-playbook {playbook('cluster')} -i INVENTORY"
            )
        reason = re.search(r'level=fatal msg="(.*)"', result.stderr)
        raise RegistryError(
            f"The registry {self.host} does not answer: {reason[1] if reason else result.stderr.strip()}. {remedy}"
        )
