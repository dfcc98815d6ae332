"""What the API says of itself: to people and their monitors, to Kubernetes, to Prometheus."""

from collections.abc import Iterable

from falcon import HTTP_503, MEDIA_JSON
from falcon.asgi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from rowhouse import __version__
from rowhouse.dataset import Dataset
from rowhouse.errors import NotLoadedError
from rowhouse.jsontext import dump
from rowhouse.methods import answer_options
from rowhouse.metrics import Exposition
from rowhouse.parameters import refuse_parameters
from rowhouse.problems import UnavailableProblem
from rowhouse.store import Store


def served(store: Store, datasets: Iterable[Dataset]) -> tuple[list[str], list[dict[str, object]]]:
    """Return why not all of these datasets are served from PostgreSQL, and the versions of those that are.

    What PostgreSQL's driver says is in the log: it names hosts and roles.
    """
    reasons = ["PostgreSQL cannot be asked. The log says why"] if store.unavailable else []
    versions = []
    for dataset in datasets:
        try:
            version = store.version(dataset)
            # Of a private dataset their number is not told either.
            versions.append(version.describe(dataset) | {"rows": None if dataset.private else version.rows})
        except NotLoadedError as error:
            reasons.append(str(error))
    return reasons, versions


def send_health(resp: Response, reasons: list[str], members: dict[str, object]) -> None:
    """Answer 200 without reasons, 503 with any; `members` are what else there is to tell."""
    if reasons:
        resp.status = HTTP_503
    status = {"status": "degraded" if reasons else "ok", "reasons": reasons, "release": __version__}
    resp.data = dump(status | members)
    resp.content_type = MEDIA_JSON
    # The next moment it may be otherwise.
    resp.set_header("Cache-Control", "no-store")
    # RFC 8631
    resp.set_header("Link", '</openapi.json>; rel="service-desc", </docs>; rel="service-doc"')


class HealthResource:
    """/health: what is served, for people and their monitors."""

    def __init__(self, store: Store, datasets: Iterable[Dataset]) -> None:
        """Speak for these datasets."""
        self._store = store
        self._datasets = tuple(datasets)

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer 200 when everything works, 503 with the reasons when something does not."""
        refuse_parameters(req.query_string)
        reasons, versions = served(self._store, self._datasets)
        send_health(resp, reasons, {"datasets": versions})

    on_head = on_get
    on_options = answer_options


class LiveResource:
    """/livez: the process answers."""

    async def on_get(self, _req: Request, resp: Response) -> None:
        """Answer 200."""
        resp.media = {"status": "ok"}

    on_head = on_get
    on_options = answer_options


class ReadyResource:
    """/readyz: requests can be answered.

    Ready is whoever knows a version of each dataset. PostgreSQL going away later does not end that: cached answers are
    still given, and taking every replica out of service at once would end those too.
    """

    def __init__(self, store: Store, datasets: Iterable[Dataset]) -> None:
        """Be ready when these datasets are."""
        self._store = store
        self._datasets = tuple(datasets)

    async def on_get(self, _req: Request, resp: Response) -> None:
        """Answer 200, or 503 with the reason."""
        try:
            for dataset in self._datasets:
                self._store.version(dataset)
        except NotLoadedError as error:
            raise UnavailableProblem(f"{self._store.unavailable or error}.") from error
        resp.media = {"status": "ok"}

    on_head = on_get
    on_options = answer_options


class MetricsResource:
    """/metrics: what Prometheus asks for."""

    def __init__(self, exposition: Exposition) -> None:
        """Take what is said."""
        self._exposition = exposition

    async def on_get(self, _req: Request, resp: Response) -> None:
        """Answer in Prometheus' text format."""
        resp.data = self._exposition.text()
        resp.content_type = CONTENT_TYPE_LATEST

    on_head = on_get
    on_options = answer_options
