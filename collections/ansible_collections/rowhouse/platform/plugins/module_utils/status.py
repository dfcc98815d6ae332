"""What an operator sees of a deployment on one screen: what there is, what is wrong with it, and what to do next.

Facts in, problems and lines out; `status_source` finds the facts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils import text_table

# A container that ended longer ago than this has got over it.
RECENT = timedelta(hours=1)
# Below these there is time left to act: a week is two tries of a renewal, and a load needs room for a second table.
CERTIFICATE_HEADROOM = timedelta(days=14)
DISK_HEADROOM = 0.2
# Fewer answers than this say nothing about the cache.
ENOUGH_ANSWERS = 100
POOR_HIT_RATE = 0.5


@dataclass(frozen=True)
class Ended:
    """How a container ended last: its pod, name, reason with exit code, and when."""

    pod: str
    container: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Component:
    """A workload: how many of its pods are ready, what they run, and how often they were started again."""

    kind: str
    name: str
    ready: int
    wanted: int
    image: str
    progress: str
    is_done: bool
    restarts: int = 0
    ended: Ended | None = None


@dataclass(frozen=True)
class Dataset:
    """What the API serves of a dataset."""

    name: str
    version: int
    rows: int
    loaded_at: datetime


@dataclass(frozen=True)
class Certificate:
    """Where a certificate is, and until when it holds."""

    place: str
    ends: datetime


@dataclass(frozen=True)
class Disk:
    """The database's volume, in bytes."""

    used: int
    size: int


@dataclass(frozen=True)
class Alert:
    """What the deployment's own Prometheus tells: the name is that of its runbook."""

    name: str
    summary: str


@dataclass(frozen=True)
class Facts:
    """Everything that was found. None stands for what could not be asked.

    Attributes:
        namespace: Of the deployment.
        release: Facts of the record of what runs, with its name; None when nothing was ever deployed.
        last: Facts of the newest record, which may tell of a failure.
        components: Its workloads.
        reasons: Why the API calls itself degraded.
        datasets: What it serves; None when it does not answer.
        answers: Answers of all API pods since their start: from a cache, and all.
        disk: Of the database.
        certificates: Those that somebody has to renew.
        drift: What differs from the release, a sentence each.
        backup: When the last backup was verified; None: none was, or no API pod tells.
        backup_limit: How old that may be; None: no backups are taken.
        alerts: Those that fire; None where no Prometheus of ours watches, or it does not answer.
    """

    namespace: str
    release: Mapping[str, Any] | None
    last: Mapping[str, Any] | None
    components: Sequence[Component]
    reasons: Sequence[str]
    datasets: Sequence[Dataset] | None
    answers: tuple[int, int] | None
    disk: Disk | None
    certificates: Sequence[Certificate]
    drift: Sequence[str]
    backup: datetime | None = None
    backup_limit: timedelta | None = None
    alerts: Sequence[Alert] | None = None


@dataclass(frozen=True)
class Problem:
    """What is wrong, and the next step."""

    what: str
    next_step: str


def problems(facts: Facts, now: datetime) -> list[Problem]:
    """Return what is wrong, the worst first."""
    if facts.release is None and not facts.components:
        return [Problem(f"nothing is deployed in {facts.namespace}", "ansible-playbook deploy.yml -i INVENTORY")]
    return [
        *_of_components(facts, now),
        *_of_data(facts),
        *_of_releases(facts),
        *_of_resources(facts, now),
        *_of_backups(facts, now),
        *(
            Problem(f"{item.name} fires: {item.summary}", f"docs/runbooks/{item.name}.md")
            for item in facts.alerts or []
        ),
    ]


def _of_components(facts: Facts, now: datetime) -> Iterator[Problem]:
    here = f"-n {facts.namespace}"
    for item in facts.components:
        if not item.is_done:
            yield Problem(
                f"{item.kind} {item.name}: {item.progress}",
                f"kubectl describe {item.kind.lower()} {item.name} {here}",
            )
        if item.ended and now - item.ended.at < RECENT:
            yield Problem(
                f"{item.kind} {item.name}: container {item.ended.container} ended {_age(item.ended.at, now)} ago: "
                f"{item.ended.reason}",
                f"kubectl logs {item.ended.pod} -c {item.ended.container} --previous {here}",
            )


def _of_data(facts: Facts) -> Iterator[Problem]:
    if facts.datasets is None:
        yield Problem("the API does not answer", f"kubectl logs deployment/api -n {facts.namespace} --tail=50")
    for reason in facts.reasons:
        yield Problem(f"the API is degraded: {reason}", f"kubectl get pods -n {facts.namespace}")
    hits, answers = facts.answers or (0, 0)
    if answers >= ENOUGH_ANSWERS and hits / answers < POOR_HIT_RATE:
        yield Problem(
            f"only {hits / answers:.0%} of {answers:,} answers came from a cache",
            "docs/observing.md says what its failures mean; raise redis_maxmemory when keys are evicted",
        )


def _of_releases(facts: Facts) -> Iterator[Problem]:
    if facts.last and facts.last is not facts.release and facts.last["outcome"] != "good":
        reason = str(facts.last["reason"]).partition("\n")[0]
        yield Problem(
            f"{facts.last['name']} did not go well ({facts.last['outcome']}): {reason}",
            "ansible-playbook playbooks/plan.yml -i INVENTORY, then deploy again",
        )
    if facts.drift:
        yield Problem(
            f"{len(facts.drift)} difference{'s' if len(facts.drift) > 1 else ''} from the release, listed above",
            "ansible-playbook deploy.yml -i INVENTORY puts them right",
        )


def _of_resources(facts: Facts, now: datetime) -> Iterator[Problem]:
    if facts.disk and facts.disk.used > facts.disk.size * (1 - DISK_HEADROOM):
        yield Problem(
            f"the database's volume is {facts.disk.used / facts.disk.size:.0%} full",
            "grow its claim where the StorageClass can: kubectl edit pvc data-postgres-0 -n " + facts.namespace,
        )
    for certificate in facts.certificates:
        if certificate.ends - now < CERTIFICATE_HEADROOM:
            yield Problem(
                f"the certificate {certificate.place} ends on {certificate.ends:%Y-%m-%d}",
                "renew it, then deploy again",
            )


def _of_backups(facts: Facts, now: datetime) -> Iterator[Problem]:
    # Where no pod tells, that is the problem.
    if facts.backup_limit is None or facts.answers is None:
        return
    next_step = "ansible-playbook playbooks/backup.yml -i INVENTORY says why"
    if facts.backup is None:
        yield Problem("no backup was ever verified", next_step)
    elif now - facts.backup > facts.backup_limit:
        yield Problem(f"the last backup was verified {_age(facts.backup, now)} ago", next_step)


def screen(facts: Facts, found: Sequence[Problem], now: datetime) -> list[str]:
    """Return the lines that people read."""
    sections = [
        _release_lines(facts, now),
        text_table.lines(("COMPONENT", "READY", "IMAGE", "RESTARTS"), *map(_cells, facts.components)),
        _dataset_lines(facts.datasets, now),
        [
            *_cache_lines(facts.answers),
            *_disk_lines(facts.disk),
            f"last verified backup: {f'{_age(facts.backup, now)} ago' if facts.backup else 'none'}",
            *_certificate_lines(facts.certificates, now),
            *_alert_lines(facts.alerts),
        ],
        [f"drift: {line}" for line in facts.drift] or ["drift: none"],
        [line for item in found for line in (f"PROBLEM {item.what}", f"   next {item.next_step}")] or ["All is well."],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections).split("\n")


def as_json(facts: Facts, found: Sequence[Problem]) -> dict[str, Any]:
    """Return the same for programs; times are ISO 8601."""
    limit = facts.backup_limit.total_seconds() if facts.backup_limit else None
    return {**asdict(facts), "backup_limit": limit, "is_well": not found, "problems": [asdict(item) for item in found]}


def _release_lines(facts: Facts, now: datetime) -> list[str]:
    if facts.release is None:
        return [f"{facts.namespace}: no release is on record"]
    at = datetime.fromisoformat(facts.release["at"])
    return [
        f"{facts.namespace}: {facts.release['name']} ({facts.release['what']}, rowhouse {facts.release['release']}) "
        f"by {facts.release['by']}, {_age(at, now)} ago, commit {facts.release['commit']}"
    ]


def _cells(item: Component) -> tuple[str, ...]:
    restarts = f"{item.restarts}, last: {item.ended.reason}" if item.ended else str(item.restarts)
    return f"{item.kind}/{item.name}", f"{item.ready}/{item.wanted}", item.image, restarts


def _dataset_lines(datasets: Sequence[Dataset] | None, now: datetime) -> list[str]:
    if datasets is None:
        return ["datasets: unknown, the API does not answer"]
    rows = [(item.name, str(item.version), f"{item.rows:,}", _age(item.loaded_at, now)) for item in datasets]
    return text_table.lines(("DATASET", "VERSION", "ROWS", "AGE"), *rows)


def _cache_lines(answers: tuple[int, int] | None) -> list[str]:
    if answers is None:
        return ["cache: unknown, no API pod tells its metrics"]
    hits, total = answers
    return [f"cache: {hits / total:.0%} of {total:,} answers" if total else "cache: nothing was asked yet"]


def _disk_lines(disk: Disk | None) -> list[str]:
    if disk is None:
        return ["disk of the database: unknown"]
    return [
        f"disk of the database: {disk.used / 2**30:.1f} of {disk.size / 2**30:.1f} GiB, {disk.used / disk.size:.0%}"
    ]


def _certificate_lines(certificates: Sequence[Certificate], now: datetime) -> list[str]:
    return [
        f"certificate {item.place}: until {item.ends:%Y-%m-%d}, {(item.ends - now).days} days" for item in certificates
    ]


def _alert_lines(alerts: Sequence[Alert] | None) -> list[str]:
    if alerts is None:
        return []
    return [f"alerts that fire: {', '.join(sorted({item.name for item in alerts})) or 'none'}"]


def _age(then: datetime, now: datetime) -> str:
    """Return the time between the two in its two largest units at most."""
    seconds = max(0, int((now - then).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
