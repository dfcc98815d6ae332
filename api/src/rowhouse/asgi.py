"""Builds the real parts from the settings and wires them to one ASGI app."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from rowhouse.app import HttpPolicy, Ports, create_admin_app, create_app
from rowhouse.cache import Cache, NoCache, Verdict
from rowhouse.catalog import Catalog
from rowhouse.database import exporting_engine, serving_engine
from rowhouse.dataset import Dataset
from rowhouse.exports import Exports
from rowhouse.local_cache import LocalCache
from rowhouse.metrics import Exposition, Metrics
from rowhouse.middleware import Farewell
from rowhouse.redis_cache import RedisCache
from rowhouse.redis_link import RedisLink
from rowhouse.repeats import Repeats
from rowhouse.settings import Settings
from rowhouse.store import Store
from rowhouse.tally import Tally
from rowhouse.tiers import TieredCache

_NOTES_PART = 16


def build_app(settings: Settings, datasets: Iterable[Dataset], metrics_dir: Path, farewell: Farewell) -> Ports:
    """Build everything, without connecting to anything: that happens when the app starts, in each worker.

    Args:
        settings: From the environment.
        datasets: What is served.
        metrics_dir: Where the workers count.
        farewell: Ends connections when a worker ends.
    """
    datasets = tuple(datasets)
    catalog = Catalog(settings.database_schema)
    store = Store(
        serving_engine(settings),
        catalog,
        datasets,
        threads=settings.database_pool_size - 1,
    )
    exports = Exports(
        exporting_engine(settings),
        catalog,
        settings.exports_at_once,
        settings.export_patience_seconds,
        lambda: store.unavailable,
    )
    build = source_hash()
    metrics = Metrics()
    # What is known of answers takes its part of their room.
    notes = settings.cache_local_bytes // _NOTES_PART
    local = LocalCache(settings.cache_local_bytes - notes, settings.cache_ttl_seconds)
    public = create_app(
        datasets,
        store,
        _cache(settings, metrics, local),
        exports,
        metrics,
        farewell,
        build,
        HttpPolicy(settings.http_max_age_seconds, settings.cors_origins),
    )
    admin = create_admin_app(datasets, store, Exposition(metrics_dir, store, datasets, build))
    repeats = Repeats(public, store, local, Tally(metrics), notes, lambda: farewell.has_begun)
    return Ports(repeats, admin, settings.admin_port)


def source_hash() -> str:
    """Hash this program's own source, so that another build never reads this one's cached answers."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache(settings: Settings, metrics: Metrics, local: LocalCache) -> Cache:
    beyond: Cache
    if settings.redis_host:
        link = RedisLink(settings.redis_host, settings.redis_port, settings.redis_password, metrics.count_failure)
        # No statement of another process may take longer.
        beyond = RedisCache(link, settings.cache_ttl_seconds, settings.statement_timeout_ms / 1000)
    else:
        beyond = NoCache(Verdict.MISS if settings.cache_local_bytes else Verdict.BYPASS)
    return TieredCache(local, beyond, metrics.count_source)
