"""What is counted, for Prometheus.

The workers count in files of their own, in the folder that PROMETHEUS_MULTIPROC_DIR names when prometheus_client is
first imported; whichever of them is asked adds all files up. What a worker that died has counted stays counted, so
nothing is cleared up after it. The state of PostgreSQL and the datasets is no count: who is asked tells what it knows.
"""

from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from falcon import HTTP_METHODS
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from rowhouse import __version__
from rowhouse.backup.last import LastBackup
from rowhouse.cache import Source
from rowhouse.dataset import Dataset
from rowhouse.errors import NotLoadedError
from rowhouse.limits.middleware import LIMITS
from rowhouse.redis_link import Failure
from rowhouse.store import Store

# From an answer out of the cache to a statement that is given up.
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counts of this process. No label takes a value that a client chooses freely."""

    def __init__(self) -> None:
        """Begin with zeros, so that a rate has something to start from."""
        registry = CollectorRegistry()
        requests = Counter(
            "rowhouse_requests_total", "Requests answered.", ["route", "method", "status"], registry=registry
        )
        seconds = Histogram(
            "rowhouse_request_seconds",
            "Time from a request's arrival in the app to its answer.",
            ["route"],
            registry=registry,
            buckets=_BUCKETS,
        )
        sources = Counter(
            "rowhouse_cache_total", "Answers by where they came from.", ["verdict", "tier"], registry=registry
        )
        failures = Counter("rowhouse_cache_failures_total", "Failures of the cache.", ["reason"], registry=registry)
        refused = Counter("rowhouse_limit_refused_total", "Requests beyond a limit.", ["limit"], registry=registry)
        alone = Counter(
            "rowhouse_limit_alone_total",
            "Requests counted by the process that answers alone, as Redis failed.",
            ["limit"],
            registry=registry,
        )
        # Looking a child up costs as much as counting with it.
        self._requests = cache(requests.labels)
        self._seconds = cache(seconds.labels)
        self._sources = {source: sources.labels(*source.value) for source in Source}
        self._failures = {failure: failures.labels(failure) for failure in Failure}
        self._refused = {limit: refused.labels(limit) for limit in LIMITS}
        self._alone = {limit: alone.labels(limit) for limit in LIMITS}

    def count_answers(self, route: str, method: str, status: int, seconds: Sequence[float], *, is_hit: bool) -> None:
        """Count answers of one kind, and how long each took; a hit is one of the own memory that nobody counted yet."""
        self._requests(route, method if method in HTTP_METHODS else "other", status).inc(len(seconds))
        # As the library's observe() does it, which writes to its file twice for each.
        histogram = self._seconds(route)
        histogram._sum.inc(sum(seconds))
        for bucket, count in Counted(bisect_left(_BUCKETS, each) for each in seconds).items():
            histogram._buckets[bucket].inc(count)
        if is_hit:
            self._sources[Source.LOCAL].inc(len(seconds))

    def count_source(self, source: Source) -> None:
        """Count where an answer came from."""
        self._sources[source].inc()

    def count_failure(self, failure: Failure) -> None:
        """Count a failure of the cache."""
        self._failures[failure].inc()

    def count_refused(self, limit: str) -> None:
        """Count a request beyond a limit."""
        self._refused[limit].inc()

    def count_alone(self, limit: str) -> None:
        """Count a request that this process decided on alone."""
        self._alone[limit].inc()


class Exposition:
    """Everything that /metrics says."""

    def __init__(
        self, folder: Path, store: Store, datasets: Iterable[Dataset], build: str, last_backup: LastBackup
    ) -> None:
        """Add the files in the folder up, and tell what the store knows."""
        self._store = store
        self._datasets = tuple(datasets)
        self._build = build
        self._last_backup = last_backup
        self._registry = CollectorRegistry()
        self._registry.register(self)
        MultiProcessCollector(self._registry, str(folder))  # type: ignore[no-untyped-call]

    def text(self) -> bytes:
        """Return it in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Tell what the store knows."""
        build = GaugeMetricFamily("rowhouse_build_info", "This program.", labels=["version", "source"])
        build.add_metric([__version__, self._build], 1)
        up = GaugeMetricFamily("rowhouse_database_up", "Whether PostgreSQL can be asked.")
        up.add_metric([], 0 if self._store.unavailable else 1)
        version = GaugeMetricFamily("rowhouse_dataset_version", "Version that is served.", labels=["dataset"])
        rows = GaugeMetricFamily("rowhouse_dataset_rows", "Rows of that version.", labels=["dataset"])
        loaded = GaugeMetricFamily(
            "rowhouse_dataset_loaded_timestamp_seconds", "When that version was loaded.", labels=["dataset"]
        )
        verified = GaugeMetricFamily(
            "rowhouse_backup_last_verified_timestamp_seconds",
            "When the last backup was verified; 0: none was.",
        )
        verified.add_metric([], self._last_backup.verified_at)
        for dataset in self._datasets:
            try:
                current = self._store.version(dataset)
            except NotLoadedError:
                continue
            version.add_metric([dataset.name], current.number)
            rows.add_metric([dataset.name], current.rows)
            loaded.add_metric([dataset.name], current.loaded_at.timestamp())
        yield from (build, up, version, rows, loaded, verified)
