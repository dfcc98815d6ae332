"""Builds the real parts from the settings and wires them to one ASGI app."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from rowhouse.app import ASGIApp, HttpPolicy, by_port, create_admin_app, create_app
from rowhouse.cache import Cache, NoCache, Verdict
from rowhouse.catalog import Catalog
from rowhouse.database import exporting_engine, serving_engine
from rowhouse.dataset import Dataset
from rowhouse.exports import Exports
from rowhouse.local_cache import LocalCache
from rowhouse.metrics import Exposition, Metrics
from rowhouse.middleware import Farewell
from rowhouse.objectstore import Bucket, ObjectStore
from rowhouse.redis_cache import RedisCache
from rowhouse.redis_link import RedisLink
from rowhouse.settings import Settings
from rowhouse.store import Store
from rowhouse.tiers import TieredCache


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
        _object_store(settings),
    )
    admin = create_admin_app(datasets, store, Exposition(metrics_dir, store, datasets, build))
    return by_port(public, admin, settings.admin_port)


def source_hash() -> str:
    """Hash this program's own source, so that another build never reads this one's cached answers."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _object_store(settings: Settings) -> ObjectStore | None:
    if not settings.object_store_endpoint:
        return None
    return ObjectStore(
        Bucket(
            endpoint=settings.object_store_endpoint,
            name=settings.object_store_bucket,
            prefix=settings.object_store_prefix,
            region=settings.object_store_region,
            access_key=settings.object_store_access_key,
            secret_key=settings.object_store_secret_key,
            ca_certificate=settings.object_store_ca_certificate,
        )
    )


def _cache(settings: Settings, metrics: Metrics) -> Cache:
    local = LocalCache(settings.cache_local_bytes, settings.cache_ttl_seconds)
    beyond: Cache
    if settings.redis_host:
        link = RedisLink(settings.redis_host, settings.redis_port, settings.redis_password, metrics.count_failure)
        # No statement of another process may take longer.
        beyond = RedisCache(link, settings.cache_ttl_seconds, settings.statement_timeout_ms / 1000)
    else:
        beyond = NoCache(Verdict.MISS if settings.cache_local_bytes else Verdict.BYPASS)
    return TieredCache(local, beyond, metrics.count_source)
