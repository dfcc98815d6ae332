"""Builds the real parts from the settings and wires them to one ASGI app."""

import hashlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from rowhouse.access.guard import Guard
from rowhouse.access.keys import Keys
from rowhouse.app import HttpPolicy, Ports, create_admin_app, create_app
from rowhouse.backup.last import LastBackup
from rowhouse.cache import Cache, NoCache, Verdict
from rowhouse.catalog import Catalog
from rowhouse.database import exporting_engine, serving_engine
from rowhouse.dataset import Dataset
from rowhouse.exports import Exports
from rowhouse.limits.address import Addresses
from rowhouse.limits.buckets import SharedBuckets
from rowhouse.limits.limiter import Limiter
from rowhouse.limits.middleware import BY_ADDRESS, BY_KEY, Limit, RateLimits
from rowhouse.limits.pace import Pace
from rowhouse.local_cache import LocalCache
from rowhouse.metrics import Exposition, Metrics
from rowhouse.middleware import Farewell
from rowhouse.objectstore import Bucket, ObjectStore
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
    engine = serving_engine(settings)
    keys = Keys(catalog, engine.dialect)
    last_backup = LastBackup(catalog, engine.dialect)
    beside = (keys, last_backup)
    store = Store(engine, catalog, datasets, threads=settings.database_pool_size - 1, beside=beside)
    exports = Exports(
        exporting_engine(settings),
        catalog,
        settings.exports_at_once,
        settings.export_patience_seconds,
        lambda: store.unavailable,
    )
    build = source_hash()
    metrics = Metrics()
    tally = Tally(metrics)
    redis = None
    if settings.redis_host:
        redis = RedisLink(settings.redis_host, settings.redis_port, settings.redis_password, metrics.count_failure)
    # What is known of answers takes its part of their room.
    notes = settings.cache_local_bytes // _NOTES_PART
    local = LocalCache(settings.cache_local_bytes - notes, settings.cache_ttl_seconds)
    limits = _limits(settings, redis, metrics)
    public = create_app(
        datasets,
        store,
        _cache(settings, redis, metrics, local),
        exports,
        tally,
        farewell,
        build,
        HttpPolicy(settings.http_max_age_seconds, settings.cors_origins),
        _object_store(settings),
        [Guard(keys), *([limits] if limits else [])],
    )
    admin = create_admin_app(datasets, store, Exposition(metrics_dir, store, datasets, build, last_backup))
    repeats = Repeats(public, store, local, tally, notes, lambda: farewell.has_begun, limits)
    return Ports(repeats, admin, settings.admin_port)


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


def _cache(settings: Settings, redis: RedisLink | None, metrics: Metrics, local: LocalCache) -> Cache:
    beyond: Cache
    if redis:
        # No statement of another process may take longer.
        beyond = RedisCache(redis, settings.cache_ttl_seconds, settings.statement_timeout_ms / 1000)
    else:
        beyond = NoCache(Verdict.MISS if settings.cache_local_bytes else Verdict.BYPASS)
    return TieredCache(local, beyond, metrics.count_source)


def _limits(settings: Settings, redis: RedisLink | None, metrics: Metrics) -> RateLimits | None:
    """Return the middleware that limits requests, if it has anything to do."""

    def limit(name: str, per_minute: int) -> Limit | None:
        if not per_minute:
            return None
        pace = Pace.per_minute(per_minute, settings.rate_limit_burst)
        buckets = SharedBuckets(redis, name, pace) if redis else None
        limiter = Limiter(pace, buckets, partial(metrics.count_alone, name))
        return Limit(name, pace, limiter, partial(metrics.count_refused, name))

    by_address = limit(BY_ADDRESS, settings.rate_limit_per_minute)
    by_key = limit(BY_KEY, settings.rate_limit_key_per_minute)
    return RateLimits(by_address, by_key, Addresses(settings.trusted_proxies)) if by_address or by_key else None
