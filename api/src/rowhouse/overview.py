"""All datasets together: what dataset.yml says of them, and which versions they have."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property

from rowhouse.dataset import Dataset
from rowhouse.errors import NotLoadedError
from rowhouse.store import Store
from rowhouse.versions import Version


class Overview:
    """What documents about the API are made from.

    Attributes:
        datasets: What it is about.
    """

    def __init__(self, datasets: Iterable[Dataset], store: Store) -> None:
        """Look at these datasets, whose versions the store knows."""
        self.datasets = tuple(datasets)
        self._store = store

    def versions(self, datasets: Iterable[Dataset]) -> dict[str, Version]:
        """Return the current versions of some of them by name; one that was never loaded has none."""
        versions = {}
        for dataset in datasets:
            try:
                versions[dataset.name] = self._store.version(dataset)
            except NotLoadedError:
                continue
        return versions

    def key(self, versions: Mapping[str, Version]) -> str:
        """Return what tells documents from each other that are made from all datasets and from these versions."""
        state = [f"{name}.{version.number}.{version.loaded_at.timestamp()}" for name, version in versions.items()]
        return f"{self._description}:{','.join(state)}"

    @cached_property
    def _description(self) -> str:
        """All that dataset.yml says, of which titles and units are not part of any schema's hash."""
        return hashlib.sha256(repr(self.datasets).encode()).hexdigest()[:16]
