"""`rowhouse keys …`, as it is called."""

import json
import os
import re

import pytest
from house import House
from rowhouse.access.token import Token


@pytest.fixture(autouse=True)
def _house(house: House) -> None:
    house.put_stations(1)


def test_a_key_from_its_making_to_its_end(house: House) -> None:
    made = house.run(
        "keys", "create", "The importer", "--scope", "stations:write", "--scope=*:read", "--expires", "90d"
    )
    assert made.returncode == 0, made.stderr
    token = Token.parse(made.stdout.removesuffix("\n"))
    assert token
    assert token.text not in made.stderr
    assert f"the key {token.id} was made" in made.stderr
    listed = house.run("keys", "list")
    heading, row = listed.stdout.splitlines()
    assert heading.split() == ["id", "name", "scopes", "created", "expires", "revoked"]
    cells = re.split("  +", row)
    assert cells[:3] == [token.id, "The importer", "*:read stations:write"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", cells[4])
    assert cells[5] == "-"
    revoked = house.run("keys", "revoke", token.id)
    assert (revoked.returncode, revoked.stdout) == (0, f"The key {token.id} is revoked\n")
    (record,) = json.loads(house.run("keys", "list", "--json").stdout)
    assert (record["id"], record["scopes"]) == (token.id, ["*:read", "stations:write"])
    assert record["revoked_at"]
    assert token.text not in listed.stdout + listed.stderr + json.dumps(record)


def test_a_token_that_was_made_elsewhere(house: House) -> None:
    made = json.loads(House(house.folder, house.schema, {}).run("keys", "make").stdout)
    assert Token.parse(made["token"]) == Token(made["token"])
    words = ["keys", "add", f"--id={made['id']}", f"--digest={made['digest']}", "--scope=stations:read", "--", "-x"]
    assert house.run(*words).stdout == f"The key {made['id']} was added\n"
    assert json.loads(house.run("keys", "list", "--json").stdout)[0]["name"] == "-x"
    again = house.run(*words)
    assert (again.returncode, again.stdout) == (os.EX_DATAERR, "")
    assert again.stderr == f"rowhouse: There is a key {made['id']} already. Make another one.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["create", "x", "--scope", "station:read"], "there is no dataset station. Did you mean stations?"),
        (["create", "x", "--scope", "stations:all"], "must be DATASET:read or DATASET:write"),
        (["create", "x", "--scope", "stations:read", "--expires", "90"], "such as 90d or 12h"),
        (["create", " ", "--scope", "stations:read"], "1 to 100 printable characters"),
        (["create", "a\nb", "--scope", "stations:read"], "1 to 100 printable characters"),
        (["add", "x", "--scope", "stations:read", "--id", "x", "--digest", "y"], "take both from `rowhouse keys make`"),
        (["revoke", "nobody"], "There is no key nobody."),
    ],
)
def test_what_cannot_be_done_leaves_everything_as_it_was(house: House, words: list[str], said: str) -> None:
    done = house.run("keys", *words)
    assert (done.returncode, done.stdout) == (os.EX_DATAERR, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert house.run("keys", "list", "--json").stdout == "[]\n"


def test_without_a_verb_or_a_scope_the_usage_is_told(house: House) -> None:
    for words in (["keys"], ["keys", "create", "x"], ["keys", "revoke"]):
        assert house.run(*words).returncode == 2
