"""An object store that speaks S3: objects are written to one bucket, below one prefix."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from rowhouse.errors import ObjectStoreAwayError, ObjectStoreRefusedError
from rowhouse.flight import Flights
from rowhouse.state import State

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Store

_PATIENCE_SECONDS = 5
# Anybody may ask how it is, and each look costs its owner a request.
_REMEMBER_SECONDS = 5
# Below the prefix, but nothing is ever written there.
_EMPTY_FOLDER = "none"
# How the library tells what the store has answered. Its kinds of errors do not tell mistakes of ours from failures.
_ANSWER = re.compile(r"non-2xx status code: (\d{3})|Received redirect")
# Too slow, too many requests, and whatever begins with 5.
_PASSING = ("408", "429", "5")
# What follows is the error once more, from the inside.
_DETAILS = "Debug source:"
# The store may send as much as it likes.
_LONGEST = 2000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bucket:
    """Where objects are written to, and as whom.

    Attributes:
        endpoint: URL of the store; the bucket becomes the first part of its paths.
        name: The bucket.
        prefix: What every key begins with: nothing, or a path that ends in a slash.
        region: The one that requests are signed for.
        access_key: Who writes; empty: requests are not signed.
        secret_key: What they are signed with.
        ca_certificate: PEM of an authority that the store's certificate may be signed by, besides those that all trust.
    """

    endpoint: str
    name: str
    prefix: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    ca_certificate: str = ""


class ObjectStore:
    """Writes objects, and looks whether it could. Nothing is connected, or imported, before the first use."""

    def __init__(self, bucket: Bucket, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """Take where to write, and how long a request may take."""
        self._bucket = bucket
        self._patience_seconds = patience_seconds
        self._looks = Flights[State]()
        self._state = State.OK
        self._look_again_at = 0.0

    async def put(self, name: str, content: bytes) -> str:
        """Write an object, and return its key, which is the prefix and the name.

        Raises:
            ObjectStoreAwayError: The store does not answer in time, or is not able to.
            ObjectStoreRefusedError: It knows no such bucket, or who asks may not write there.
        """
        key = self._bucket.prefix + name
        attributes = {"Content-Type": "application/octet-stream"}
        await self._ask(lambda store: store.put_async(key, content, use_multipart=False, attributes=attributes))
        return key

    async def state(self) -> State:
        """Return how the store is, as it was found no longer than a few seconds ago."""
        if time.monotonic() < self._look_again_at:
            return self._state
        state, _ = await self._looks.join("", self._look)
        return state

    async def _look(self) -> State:
        """List what is in an empty folder: that takes signature, bucket and rights, and says next to nothing."""
        folder = self._bucket.prefix + _EMPTY_FOLDER
        before = self._state
        try:
            await self._ask(lambda store: store.list_with_delimiter_async(folder))
            self._state = State.OK
        except (ObjectStoreAwayError, ObjectStoreRefusedError) as error:
            self._state = State.FAILING
            if before is State.OK:
                log.warning("The object store fails: %s", error)
        else:
            if before is State.FAILING:
                log.info("The object store works again")
        self._look_again_at = time.monotonic() + _REMEMBER_SECONDS
        return self._state

    async def _ask[T](self, call: Callable[["S3Store"], Awaitable[T]]) -> T:
        """Wait for the library's answer to a call, and turn its errors into ours."""
        from obstore.exceptions import BaseError

        try:
            async with asyncio.timeout(self._patience_seconds):
                return await call(await asyncio.to_thread(lambda: self._store))
        except TimeoutError as error:
            raise ObjectStoreAwayError(f"no answer within {self._patience_seconds:.0f} s") from error
        except (BaseError, OSError, ValueError) as error:
            said, _, _ = str(error).partition(_DETAILS)
            answer = _ANSWER.search(said)
            if answer and not (answer[1] or "").startswith(_PASSING):
                raise ObjectStoreRefusedError(_one_line(said)) from error
            # Only the details tell why there is no connection.
            raise ObjectStoreAwayError(_one_line(str(error))) from error

    @cached_property
    def _store(self) -> "S3Store":
        # Imported here: most installations have no object store. It starts threads, which do not outlive a fork.
        from obstore.store import S3Store

        bucket = self._bucket
        options: ClientConfig = {"allow_http": True, "timeout": timedelta(seconds=self._patience_seconds)}
        if bucket.ca_certificate:
            options["root_certificate"] = bucket.ca_certificate
        return S3Store(
            bucket.name,
            endpoint=bucket.endpoint,
            region=bucket.region,
            access_key_id=bucket.access_key,
            secret_access_key=bucket.secret_key,
            skip_signature=not bucket.access_key,
            virtual_hosted_style_request=False,
            client_options=options,
            # Whoever asks may try again; the time is short enough as it is.
            retry_config={"max_retries": 0},
        )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
