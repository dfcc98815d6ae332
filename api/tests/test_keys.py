"""Keys in PostgreSQL, and what each process knows of them."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from house import House
from rowhouse.access.keys import Keys
from rowhouse.access.registry import Registry
from rowhouse.access.scopes import Right, all_allowed, parse_scopes
from rowhouse.access.token import Token
from rowhouse.catalog import Catalog
from rowhouse.database import loading_engine
from rowhouse.errors import AccessError, DatabaseUnavailableError
from rowhouse.link import Rows
from rowhouse.problems import InvalidApiKeyProblem, UnavailableProblem

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = timedelta(days=1)


@pytest.fixture
def registry(house: House) -> Registry:
    return house.registry()


def known(house: House, keys: Keys | None = None) -> tuple[Keys, Counter[str]]:
    """Return what a process knows after it has asked, and how often it asked what."""
    keys = keys or Keys(Catalog(house.schema), loading_engine(house.settings).dialect)
    asked: Counter[str] = Counter()

    with closing(house.connect()) as connection, connection, connection.cursor() as cursor:

        def execute(statement: str) -> Rows:
            asked["changes" if "api_key_changes" in statement else "keys"] += 1
            cursor.execute(statement)
            return cursor.fetchall()

        keys.read(execute)
    return keys, asked


def add(registry: Registry, *scopes: str, lifetime: timedelta | None = None) -> Token:
    token = Token.make()
    registry.add(token.id, "Somebody", token.digest, scopes, lifetime)
    return token


def assert_refused(keys: Keys, token: Token, reason: str) -> None:
    with pytest.raises(InvalidApiKeyProblem, match=reason):
        keys.find(token.text)


def test_only_a_digest_is_kept(house: House, registry: Registry) -> None:
    token = add(registry, "stations:read")
    ((row,),) = house.sql("SELECT to_json(api_key)::text FROM api_key")
    assert token.digest in str(row)
    assert token.text[11:] not in str(row)


def test_a_key_is_known_with_its_scopes(house: House, registry: Registry) -> None:
    token = add(registry, "users:write", "stations:read")
    add(registry, "*:read")
    key = known(house)[0].find(token.text)
    assert key.id == token.id
    may = [(dataset, right) for dataset in ("users", "stations", "other") for right in Right if key.may(right, dataset)]
    assert may == [("users", Right.READ), ("users", Right.WRITE), ("stations", Right.READ)]


def test_the_star_is_every_dataset(house: House, registry: Registry) -> None:
    token = add(registry, "*:read")
    key = known(house)[0].find(token.text)
    assert key.may(Right.READ, "whatever")
    assert not key.may(Right.WRITE, "whatever")


def test_the_id_alone_opens_nothing(house: House, registry: Registry) -> None:
    token = Token.make()
    registry.add(token.id, "Somebody", Token.make().digest, ["*:write"], None)
    assert_refused(known(house)[0], token, "no such")
    with pytest.raises(InvalidApiKeyProblem, match="not whole"):
        known(house)[0].find(token.text[:-1])


def test_a_revoked_key_is_forgotten_and_an_expired_one_told(house: House, registry: Registry) -> None:
    revoked, expired, lasting = (add(registry, "*:read", lifetime=life) for life in (None, -DAY, DAY))
    registry.revoke(revoked.id)
    keys, _ = known(house)
    assert_refused(keys, revoked, "no such API key, or it was revoked")
    assert_refused(keys, expired, "expired")
    assert keys.find(lasting.text)


def test_the_keys_are_only_read_again_when_something_has_changed(house: House, registry: Registry) -> None:
    first = add(registry, "*:read")
    keys, asked = known(house)
    assert asked == {"changes": 1, "keys": 1}
    assert known(house, keys)[1] == {"changes": 1}
    changes: list[Callable[[], object]] = [lambda: add(registry, "*:read"), lambda: registry.revoke(first.id)]
    for change in changes:
        change()
        assert known(house, keys)[1] == {"changes": 1, "keys": 1}


def test_without_any_change_yet_there_are_no_keys(house: House, registry: Registry) -> None:
    assert registry.list() == []
    keys, _ = known(house)
    assert_refused(keys, Token.make(), "no such")


def test_a_change_that_ends_later_than_the_next_one_is_not_missed(house: House, registry: Registry) -> None:
    """Many at once: at no time do the keys lag behind the counter that a process has seen."""
    with ThreadPoolExecutor(8) as pool:
        adding = [pool.submit(add, registry, "*:read") for _ in range(40)]
        keys, _ = known(house)
        tokens = [one.result() for one in adding]
    known(house, keys)
    assert {keys.find(token.text).id for token in tokens} == {token.id for token in tokens}


def test_a_schema_from_before_there_were_keys_has_none(house: House, registry: Registry) -> None:
    token = add(registry, "*:read")
    keys, _ = known(house)
    house.sql("DROP TABLE api_key, api_key_changes")
    assert_refused(known(house, keys)[0], token, "no such")


def test_before_postgresql_was_asked_nobody_is_called_wrong(house: House) -> None:
    keys = Keys(Catalog(house.schema), loading_engine(house.settings).dialect)
    with pytest.raises(UnavailableProblem):
        keys.find(Token.make().text)


def test_lists_tell_what_there_was(registry: Registry) -> None:
    first, second = add(registry, "a:read"), add(registry, "b:write", "a:read", lifetime=DAY)
    registry.revoke(first.id)
    revoked_at = registry.list()[0].revoked_at
    registry.revoke(first.id)
    one, two = registry.list()
    assert (one.id, one.name, one.scopes, one.expires_at) == (first.id, "Somebody", ("a:read",), None)
    assert one.revoked_at == revoked_at is not None
    assert two.scopes == ("b:write", "a:read")
    assert two.expires_at
    assert abs(two.expires_at - two.created_at - DAY) < timedelta(seconds=1)
    assert two.revoked_at is None
    assert second.id == two.id


def test_what_cannot_be_done_is_said(house: House, registry: Registry) -> None:
    token = add(registry, "*:read")
    with pytest.raises(AccessError, match=f"There is a key {token.id} already"):
        registry.add(token.id, "Somebody", token.digest, ["*:read"], None)
    with pytest.raises(AccessError, match=r"There is no key nobody\. `rowhouse keys list`"):
        registry.revoke("nobody")
    house.sql(f"GRANT USAGE ON SCHEMA {house.schema} TO reader")
    house.sql("GRANT SELECT ON ALL TABLES IN SCHEMA " + house.schema + " TO reader")
    reading = House(house.folder, house.schema, {**house.environment, "ROWHOUSE_DATABASE_USER": "reader"})
    with pytest.raises(DatabaseUnavailableError, match=r"permission denied for table api_key.*loads,") as error:
        add(Registry(loading_engine(reading.settings), Catalog(house.schema)), "*:read")
    assert error.value.exit_status == os.EX_TEMPFAIL
    assert [record.id for record in registry.list()] == [token.id]


@pytest.mark.parametrize("scope", ["", "stations", "stations:", "stations:delete", ":read", "*", "stations:read "])
def test_what_is_no_scope(house: House, scope: str) -> None:
    house.put_stations(1)
    with pytest.raises(AccessError, match="must be DATASET:read or DATASET:write"):
        parse_scopes([scope], house.datasets)


def test_a_scope_of_no_dataset_names_the_nearest(house: House) -> None:
    house.put_stations(1)
    with pytest.raises(AccessError, match=r"there is no dataset staions\. Did you mean stations\?"):
        parse_scopes(["staions:read"], house.datasets)


def test_scopes_are_kept_once_and_include_others(house: House) -> None:
    house.put_stations(1)
    given = ["stations:write", "*:read", "stations:write"]
    assert parse_scopes(given, house.datasets) == ("*:read", "stations:write")
    assert all_allowed(["a:write", "*:write"]) == {"a:write", "a:read", "*:write", "*:read"}
