"""Builds the real parts from the settings and wires them to one ASGI app."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from rowhouse.app import ASGIApp, HttpPolicy, by_port, create_admin_app, create_app
from rowhouse.cache import Cache, NoCache, RedisCache
from rowhouse.catalog import Catalog
from rowhouse.database import exporting_engine, serving_engine
from rowhouse.dataset import Dataset
from rowhouse.exports import Exports
from rowhouse.metrics import Exposition, Metrics
from rowhouse.middleware import Farewell
from rowhouse.settings import Settings
from rowhouse.store import Store


def build_app(settings: Settings, datasets: Iterable[Dataset], metrics_dir: Path, farewell: Farewell) -> ASGIApp:
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
    public = create_app(
        datasets,
        store,
        _cache(settings, metrics),
        exports,
        metrics,
        farewell,
        build,
        HttpPolicy(settings.http_max_age_seconds, settings.cors_origins),
    )
    admin = create_admin_app(datasets, store, Exposition(metrics_dir, store, datasets, build))
    return by_port(public, admin, settings.admin_port)


def source_hash() -> str:
    """Hash this program's own source, so that another build never reads this one's cached answers."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache(settings: Settings, metrics: Metrics) -> Cache:
    if not settings.redis_host:
        return NoCache()
    return RedisCache(
        settings.redis_host,
        settings.redis_port,
        settings.redis_password,
        settings.cache_ttl_seconds,
        metrics.count_failure,
    )
