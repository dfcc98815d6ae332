"""Releases: what a deployment put into the cluster, and how that went, as ConfigMaps that are kept beside it.

A record holds facts for people, and of a release that went well all objects as they were applied: that is what it can
be restored from, whatever the templates and settings of a checkout say by then.
"""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from ansible_collections.rowhouse.platform.plugins.module_utils.pods import pod_of, with_pod
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError

type Object = Mapping[str, Any]
# {name of a part: its objects}, in the order in which they are applied.
type Parts = Mapping[str, Sequence[Object]]

GOOD, FAILED, RESTORED = "good", "failed", "restored"
KEPT = 10
LABELS = {"app.kubernetes.io/name": "release", "app.kubernetes.io/managed-by": "rowhouse"}
SELECTOR = ",".join(f"{key}={value}" for key, value in LABELS.items())

_FACTS, _OBJECTS = "release.json", "objects.json.gz"
# Of the API server, for data and binaryData together; the rest is for keys and metadata.
_LIMIT_BYTES = 1024 * 1024 - 16 * 1024
_NAME = re.compile(r"(?:release-)?(\d+)")


@dataclass(frozen=True)
class Release:
    """One record.

    Attributes:
        number: Counts up.
        facts: What people are told; see `facts_of` and the action `release_record`.
        packed: Its objects, see `pack`; empty unless it went well.
    """

    number: int
    facts: Mapping[str, Any]
    packed: bytes = b""

    @property
    def name(self) -> str:
        return f"release-{self.number}"

    @property
    def outcome(self) -> str:
        return str(self.facts["outcome"])

    @property
    def content(self) -> tuple[object, object]:
        """What it consists of: releases that are equal here differ in nothing that was applied."""
        return self.facts["config"], self.facts["images"]

    def config_map(self, namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
        """Return the object that it is kept as.

        Raises:
            RefusalError: It is larger than a ConfigMap may be.
        """
        facts = json.dumps(self.facts, indent=2)
        size = len(facts.encode()) + len(self.packed)
        if size > _LIMIT_BYTES:
            raise RefusalError(
                f"The record of {self.name} has {size:,} bytes, and a ConfigMap takes {_LIMIT_BYTES:,}: it runs, but "
                "cannot be rolled back to. Shorten what the dataset.yml files and certificates hold."
            )
        packed = {"binaryData": {_OBJECTS: base64.b64encode(self.packed).decode()}} if self.packed else {}
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "namespace": namespace, "labels": {**labels, **LABELS}},
            "immutable": True,
            "data": {_FACTS: facts},
            **packed,
        }


def read(config_map: Object) -> Release:
    """Return the release that the ConfigMap keeps."""
    name = config_map["metadata"]["name"]
    number = _NAME.fullmatch(name)
    try:
        if number is None:
            raise KeyError(name)
        facts = json.loads(config_map["data"][_FACTS])
        packed = base64.b64decode((config_map.get("binaryData") or {}).get(_OBJECTS, ""))
        return Release(int(number[1]), facts, packed)
    except (KeyError, ValueError) as error:
        raise RefusalError(
            f"ConfigMap {name} is labelled as the record of a release and is none that can be read. "
            "Delete it, or its label."
        ) from error


def facts_of(parts: Parts, registry: str) -> dict[str, Any]:
    """Return what a record tells of the objects: images by digest without our registry's host, a hash of the rest."""
    plain = _with_images(parts, lambda image: image.removeprefix(f"{registry}/"))
    images = sorted({image for items in plain.values() for item in items for image in _images(item)})
    rest = _with_images(plain, lambda image: image.partition("@")[0])
    # A Job is named by its image, too.
    text = json.dumps(
        [[name, [{**item, "metadata": {}} if item["kind"] == "Job" else item for item in rest[name]]] for name in rest],
        sort_keys=True,
    )
    return {"images": images, "config": hashlib.sha256(text.encode()).hexdigest()[:12]}


def pack(parts: Parts, registry: str) -> bytes:
    """Return the objects as compressed JSON; images of our registry without its host: a slash is left in front.

    Raises:
        RefusalError: A Secret is among them.
    """
    for items in parts.values():
        for item in items:
            if item["kind"] == "Secret":
                raise RefusalError(
                    f"Secret {item['metadata']['name']} is among what was applied, and a record is no place for it."
                )
    prefix = f"{registry}/"
    plain = _with_images(parts, lambda image: f"/{image.removeprefix(prefix)}" if image.startswith(prefix) else image)
    return gzip.compress(json.dumps(list(plain.items())).encode(), mtime=0)


def unpack(packed: bytes, registry: str) -> dict[str, list[Object]]:
    """Return the objects with a registry's host in front of the images that have none."""
    parts = dict(json.loads(gzip.decompress(packed)))
    return _with_images(parts, lambda image: f"{registry}{image}" if image.startswith("/") else image)


def own_images(packed: bytes) -> list[tuple[str, str]]:
    """Return repository and digest of each image that is in our registry."""
    parts = unpack(packed, "")
    images = {image for items in parts.values() for item in items for image in _images(item)}
    return sorted(
        (repository.removeprefix("/"), digest)
        for repository, _, digest in (image.partition("@") for image in images)
        if repository.startswith("/")
    )


def writable_datasets(parts: Parts) -> set[str]:
    """Return the datasets whose descriptions, NAME.yml in a ConfigMap, say that clients write their rows."""
    return {
        name.removesuffix(".yml")
        for items in parts.values()
        for item in items
        if item["kind"] == "ConfigMap"
        for name, text in item["data"].items()
        if name.endswith(".yml") and yaml.safe_load(text).get("writable")
    }


def newest_first(releases: Iterable[Release]) -> list[Release]:
    return sorted(releases, key=lambda release: release.number, reverse=True)


def current(releases: Iterable[Release]) -> Release | None:
    """Return what runs: the newest that went well, as one that did not gave way to it."""
    return next((release for release in newest_first(releases) if release.outcome == GOOD), None)


def target(releases: Sequence[Release], wanted: str, namespace: str) -> Release:
    """Return the release to roll back to: the wanted one, or the last good one that is not what runs.

    Raises:
        RefusalError: There is none; the text lists what there is.
    """
    kept = newest_first(releases)
    listed = ", ".join(f"{release.name} ({release.outcome})" for release in kept) or "none"
    if not wanted:
        running = current(kept)
        for release in kept:
            if running and release.outcome == GOOD and release.content != running.content:
                return release
        raise RefusalError(f"No good release in {namespace} differs from the one that runs. Kept there: {listed}.")
    number = _NAME.fullmatch(wanted)
    found = next((release for release in kept if number and release.number == int(number[1])), None)
    if found is None:
        raise RefusalError(f"There is no {wanted} in {namespace}. Kept there: {listed}.")
    if found.outcome != GOOD:
        reason = str(found.facts["reason"]).partition("\n")[0]
        raise RefusalError(f"{found.name} did not go well: {reason}\nKept in {namespace}: {listed}.")
    return found


def superfluous(releases: Iterable[Release]) -> list[Release]:
    """Return those beyond the ones that are kept. What runs is never among them."""
    kept = newest_first(releases)
    running = current(kept)
    return [release for release in kept if release is not running][KEPT - (running is not None) :]


def _with_images(parts: Parts, change: Callable[[str], str]) -> dict[str, list[Object]]:
    return {name: [_with_changed_images(item, change) for item in items] for name, items in parts.items()}


def _with_changed_images(item: Object, change: Callable[[str], str]) -> Object:
    pod = pod_of(item)
    if pod is None:
        return item
    changed = {
        kind: [{**container, "image": change(container["image"])} for container in pod[kind]]
        for kind in ("initContainers", "containers")
        if kind in pod
    }
    return with_pod(item, {**pod, **changed})


def _images(item: Object) -> Iterator[str]:
    pod = pod_of(item) or {}
    for kind in ("initContainers", "containers"):
        for container in pod.get(kind, []):
            yield container["image"]
