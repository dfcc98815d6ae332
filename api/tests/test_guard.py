"""Who may do what, on routes that can be read and written, without a server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import columns
import falcon.asgi
import pytest
from falcon import HTTP_204
from falcon.asgi import Request, Response
from falcon.testing import Result, TestClient
from rowhouse.access.guard import Guard
from rowhouse.access.keys import Keys
from rowhouse.access.token import Token
from rowhouse.catalog import Catalog
from rowhouse.dataset import Dataset
from rowhouse.handlers import add_handlers
from sqlalchemy.dialects import postgresql

OPEN = columns.dataset()
PRIVATE = replace(OPEN, name="p", private=True)
READS_P, WRITES_P, WRITES_T, READS_ALL, WRITES_ALL, EXPIRED = (Token.make() for _ in range(6))
SCOPES = {
    READS_P: "p:read",
    WRITES_P: "p:write",
    WRITES_T: "t:write",
    READS_ALL: "*:read",
    WRITES_ALL: "*:write",
    EXPIRED: "*:write",
}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
WRITING = METHODS[3:]


async def answer(_self: object, req: Request, resp: Response) -> None:
    """Answer any method, with the key that was found."""
    resp.status = HTTP_204
    resp.set_header("X-Key", req.context.key.id if req.context.key else "none")


class ReadOnly:
    """A route of a dataset that is only read."""

    on_get = on_head = on_options = answer

    def __init__(self, dataset: Dataset) -> None:
        """Take the dataset."""
        self.dataset = dataset


class Writable(ReadOnly):
    """One with all methods."""

    on_post = on_put = on_patch = on_delete = answer


class Elsewhere:
    """A route of no dataset."""

    on_get = on_post = answer


def client(*, are_known: bool = True) -> TestClient:
    catalog = Catalog("rowhouse")
    keys = Keys(catalog, postgresql.dialect())  # type: ignore[no-untyped-call] # SQLAlchemy's
    expired = {EXPIRED: datetime.now(UTC) - timedelta(seconds=1)}
    rows: list[tuple[Any, ...]] = [
        (token.id, token.digest, [scope], expired.get(token)) for token, scope in SCOPES.items()
    ]
    if are_known:
        keys.read(lambda statement: [(1,)] if "changes" in statement else rows)
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App(middleware=[Guard(keys)])
    add_handlers(app, [])
    for path, resource in {"/t": Writable(OPEN), "/p": Writable(PRIVATE), "/r": ReadOnly(OPEN)}.items():
        app.add_route(path, resource)
    app.add_route("/rp", ReadOnly(PRIVATE))
    app.add_route("/elsewhere", Elsewhere())
    return TestClient(app)


CLIENT = client()


def ask(method: str, path: str, token: Token | str | None = None, **given: Any) -> Result:
    headers = {} if token is None else {"Authorization": f"Bearer {token.text if isinstance(token, Token) else token}"}
    return CLIENT.simulate_request(method, path, headers=headers, **given)


def assert_refused(result: Result, status: int, kind: str, challenge: str) -> None:
    assert result.status_code == status
    # HEAD has no body.
    if result.content:
        assert result.json["type"] == f"urn:problem-type:rowhouse:{kind}"
    assert result.headers["WWW-Authenticate"] == f'Bearer realm="rowhouse"{challenge}'
    assert result.headers["Cache-Control"] == "no-store"


def may(token: Token | None) -> set[tuple[str, str]]:
    """Return what can be done with a key, or without."""
    return {
        (method, path) for method in METHODS for path in ("/t", "/p") if ask(method, path, token).status_code == 204
    }


ANYBODY = {("GET", "/t"), ("HEAD", "/t"), ("OPTIONS", "/t"), ("OPTIONS", "/p")}
READS = {("GET", "/p"), ("HEAD", "/p")}


def writes(path: str) -> set[tuple[str, str]]:
    return {(method, path) for method in WRITING}


@pytest.mark.parametrize(
    ("token", "more"),
    [
        (None, set()),
        (READS_P, READS),
        (WRITES_P, READS | writes("/p")),
        (WRITES_T, writes("/t")),
        (READS_ALL, READS),
        (WRITES_ALL, READS | writes("/p") | writes("/t")),
    ],
    ids=["none", *list(SCOPES.values())[:-1]],
)
def test_what_each_scope_allows(token: Token | None, more: set[tuple[str, str]]) -> None:
    assert may(token) == ANYBODY | more


@pytest.mark.parametrize(("method", "path"), [("GET", "/p"), ("HEAD", "/p"), *((method, "/t") for method in WRITING)])
def test_without_a_key_one_is_asked_for(method: str, path: str) -> None:
    assert_refused(ask(method, path), 401, "api-key-required", "")
    basic = CLIENT.simulate_request(method, path, headers={"Authorization": "Basic eDp5"})
    assert_refused(basic, 401, "api-key-required", "")


def test_a_problem_names_the_scope() -> None:
    assert ask("GET", "/p").json["scope"] == "p:read"
    lacking = ask("DELETE", "/t", READS_ALL)
    challenge = ', error="insufficient_scope", scope="t:write"'
    assert_refused(lacking, 403, "insufficient-scope", challenge)
    assert (lacking.json["scope"], READS_ALL.id in lacking.json["detail"]) == ("t:write", True)


INVALID = ', error="invalid_token"'


@pytest.mark.parametrize(
    "text",
    [Token.make().text, EXPIRED.text, WRITES_ALL.text[:-1], "rh_", f"{WRITES_ALL.text} x"],
    # A token is another in each process that runs tests.
    ids=["unknown", "expired", "cut", "empty", "longer"],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/t"), ("GET", "/p"), ("POST", "/t"), ("GET", "/rp")])
def test_a_wrong_key_is_refused_everywhere(method: str, path: str, text: str) -> None:
    assert_refused(ask(method, path, text), 401, "invalid-api-key", INVALID)


@pytest.mark.parametrize(
    "header",
    ["Basic eDp5", "Bearer eyJhbGciOi", "Bearer", "", "rh_", WRITES_ALL.text],
    ids=["basic", "another", "bare", "empty", "prefix", "without scheme"],
)
def test_what_is_no_key_of_ours_does_not_matter_where_none_is_needed(header: str) -> None:
    assert CLIENT.simulate_get("/t", headers={"Authorization": header}).headers["X-Key"] == "none"


def test_another_bearer_is_no_key() -> None:
    assert_refused(ask("GET", "/p", "eyJhbGciOi"), 401, "invalid-api-key", INVALID)


def test_the_scheme_is_case_insensitive_and_space_does_not_matter() -> None:
    for header in (f"bearer {READS_P.text}", f"BEARER   {READS_P.text} "):
        assert CLIENT.simulate_get("/p", headers={"Authorization": header}).headers["X-Key"] == READS_P.id


def test_a_key_in_the_query_string_is_none() -> None:
    assert_refused(ask("GET", "/p", params={"access_token": READS_P.text}), 401, "api-key-required", "")


def test_that_a_method_is_missing_is_told_without_a_key() -> None:
    for path in ("/r", "/rp"):
        for method in WRITING:
            assert ask(method, path).status_code == 405
            assert ask(method, path, READS_ALL).status_code == 405


def test_what_is_no_dataset_needs_no_key() -> None:
    assert ask("POST", "/elsewhere").status_code == 204
    assert ask("POST", "/elsewhere", Token.make()).status_code == 204


def test_while_the_keys_are_not_known_nobody_is_called_wrong() -> None:
    early = client(are_known=False)
    headers = {"Authorization": f"Bearer {READS_P.text}"}
    assert early.simulate_get("/p", headers=headers).status_code == 503
    assert early.simulate_get("/p").status_code == 401
    assert early.simulate_get("/t").status_code == 204
