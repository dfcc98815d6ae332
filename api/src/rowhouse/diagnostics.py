"""What tells whether an installation works as a whole: its parts, the way of a text through it, its object store."""

import asyncio
import logging
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from falcon import HTTP_201, HTTP_204, MEDIA_JSON
from falcon.asgi import Request, Response

from rowhouse.cache import Cache
from rowhouse.dataset import Dataset
from rowhouse.errors import ObjectStoreAwayError, ObjectStoreRefusedError
from rowhouse.jsontext import dump
from rowhouse.methods import answer_options
from rowhouse.mirror import mirror
from rowhouse.objectstore import ObjectStore
from rowhouse.operations import send_health, served
from rowhouse.parameters import parse_only, refuse_parameters
from rowhouse.problems import NoObjectStoreProblem, ObjectStoreRefusedProblem, UnavailableProblem
from rowhouse.state import State
from rowhouse.store import Store

UPLOAD_BYTES = 1024
# Anybody may ask for them.
_UPLOADS_AT_ONCE = 2

log = logging.getLogger(__name__)


class PartsResource:
    """/api/health: which parts work."""

    def __init__(
        self, store: Store, datasets: Iterable[Dataset], cache: Cache, object_store: ObjectStore | None, build: str
    ) -> None:
        """Take the parts, and what tells this program from another of the same release."""
        self._store = store
        self._datasets = tuple(datasets)
        self._cache = cache
        self._object_store = object_store
        self._build = build

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer 200 when all parts that are set up work, 503 with the reasons when one does not."""
        refuse_parameters(req.query_string)
        cache, objects = await asyncio.gather(self._cache.state(), self._state_of_objects())
        reasons, _ = served(self._store, self._datasets)
        database = State.FAILING if reasons else State.OK
        if cache is State.FAILING:
            reasons.append("Redis takes no entry: answers come from PostgreSQL")
        if objects is State.FAILING:
            reasons.append("The object store fails. The log says why")
        parts = {"database": database, "cache": cache, "object_store": objects}
        send_health(resp, reasons, {"build": self._build, "parts": parts})

    on_head = on_get
    on_options = answer_options

    async def _state_of_objects(self) -> State:
        return await self._object_store.state() if self._object_store else State.NONE


class MirrorResource:
    """/api/mirror: a text, turned round."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer with what the word looks like in a mirror."""
        resp.data = dump({"transformed": mirror(parse_only(req.query_string, "word"))})
        resp.content_type = MEDIA_JSON
        # It is asked to see what is on the way here.
        resp.set_header("Cache-Control", "no-store")

    on_head = on_get
    on_options = answer_options


class UploadResource:
    """/api/upload-random: whether the object store takes what is written."""

    def __init__(self, object_store: ObjectStore | None) -> None:
        """Take where to write; None when there is no such place."""
        self._object_store = object_store
        self._under_way = 0

    async def on_post(self, req: Request, resp: Response) -> None:
        """Write an object and answer 201 with its key. A body is not read.

        Raises:
            NoObjectStoreProblem: None is set up.
            UnavailableProblem: It is away, or enough is under way.
            ObjectStoreRefusedProblem: It refuses what it is asked.
        """
        refuse_parameters(req.query_string)
        if self._object_store is None:
            raise NoObjectStoreProblem
        if self._under_way >= _UPLOADS_AT_ONCE:
            raise UnavailableProblem(f"This process writes {self._under_way} objects already. Try again soon.")
        self._under_way += 1
        try:
            key = await self._object_store.put(_new_name(), secrets.token_bytes(UPLOAD_BYTES))
        except ObjectStoreAwayError as error:
            log.warning("The object store is away: %s", error)
            raise UnavailableProblem("The object store cannot be reached. Try again soon.") from error
        except ObjectStoreRefusedError as error:
            log.warning("The object store refuses: %s", error)
            raise ObjectStoreRefusedProblem from error
        finally:
            self._under_way -= 1
        resp.status = HTTP_201
        resp.data = dump({"key": key, "size": UPLOAD_BYTES})
        resp.content_type = MEDIA_JSON
        resp.set_header("Cache-Control", "no-store")

    async def on_options(self, _req: Request, resp: Response) -> None:
        """Answer with the methods that there are."""
        resp.status = HTTP_204
        resp.set_header("Allow", "POST, OPTIONS")


def _new_name() -> str:
    """Return a name that nobody has had, below the day's, so that old ones are found and removed by their names."""
    return f"{datetime.now(UTC):%Y/%m/%d}/{secrets.token_hex(16)}"
