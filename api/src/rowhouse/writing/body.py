"""Reads the JSON object that a client sends."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from falcon.asgi import Request

from rowhouse.values import show
from rowhouse.writing.problems import BodyTooLargeProblem, MalformedBodyProblem, UnsupportedMediaTypeProblem

MAXIMUM_BYTES = 1 << 20
MAXIMUM_DEPTH = 100
JSON_TYPE = "application/json"
# RFC 7396
MERGE_PATCH_TYPE = "application/merge-patch+json"


async def read_body(req: Request, media_types: Sequence[str], accept: str) -> bytes:
    """Return the body's bytes.

    Args:
        req: The request.
        media_types: What it may be.
        accept: The header that says so, such as Accept-Post.

    Raises:
        UnsupportedMediaTypeProblem: It is something else.
        BodyTooLargeProblem: It is longer than `MAXIMUM_BYTES`.
    """
    listed = ", ".join(media_types)
    sent = (req.content_type or "").partition(";")[0].strip().lower()
    if sent not in media_types:
        given = f"not {show(sent)}" if sent else "and Content-Type must say so"
        raise UnsupportedMediaTypeProblem(
            f"The body must be {listed}, {given}.", headers={accept: listed}, available=list(media_types)
        )
    if req.get_header("Content-Encoding", default="identity").strip().lower() != "identity":
        # RFC 9110, 15.5.16
        raise UnsupportedMediaTypeProblem(
            "The body must be sent without Content-Encoding.", headers={"Accept-Encoding": "identity"}
        )
    # One byte more tells that it is too long; what is announced as longer is not read at all.
    if (req.content_length or 0) <= MAXIMUM_BYTES:
        pieces, left = [], MAXIMUM_BYTES + 1
        while left and (piece := await req.stream.read(left)):
            pieces.append(piece)
            left -= len(piece)
        if left:
            return b"".join(pieces)
    raise BodyTooLargeProblem(f"The body must have at most {MAXIMUM_BYTES} bytes.")


def parse_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object (RFC 8259), no member of which is there twice (RFC 7493).

    Raises:
        MalformedBodyProblem: It is something else.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBodyProblem(
            f"It is not JSON: {error.msg}, line {error.lineno}, column {error.colno}."
        ) from error
    if not isinstance(found, dict):
        raise MalformedBodyProblem("It must be one JSON object, whose members are the columns of a row.")
    if _is_too_deep(found):
        raise MalformedBodyProblem(f"Its arrays and objects must lie at most {MAXIMUM_DEPTH} deep in each other.")
    # The parser keeps the last of equal names without a word. Numbers are read above, however long they are.
    json.loads(body, object_pairs_hook=_without_repetition, parse_int=_unread, parse_float=_unread)
    return found


def _is_too_deep(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(MAXIMUM_DEPTH):
        level = [item for container in level for item in _items(container) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _items(container: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _without_repetition(pairs: list[tuple[str, Any]]) -> None:
    names = set()
    for name, _ in pairs:
        if name in names:
            raise MalformedBodyProblem(f"The member {show(name)} is there twice in one object.")
        names.add(name)


def _unread(_: str) -> None:
    return None
