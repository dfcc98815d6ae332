"""Settings from the environment."""

from pathlib import Path

import pytest
from rowhouse.errors import SettingsError
from rowhouse.settings import Settings

LEAST = {"ROWHOUSE_DATABASE_HOST": "postgres", "ROWHOUSE_DATABASE_USER": "rowhouse_api"}


def problems(**extra: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(LEAST | extra)
    return list(caught.value.problems)


def test_defaults_and_types() -> None:
    settings = Settings.from_env(LEAST | {"ROWHOUSE_DATABASE_PORT": "5433", "ROWHOUSE_DATA_DIR": "/data", "HOME": "/"})
    assert (settings.database_host, settings.database_port, settings.data_dir) == ("postgres", 5433, Path("/data"))
    assert settings.redis_host == ""


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    assert problems(ROWHOUSE_CACHE_TTL_SECOND="1") == [
        "ROWHOUSE_CACHE_TTL_SECOND: no such setting. Did you mean ROWHOUSE_CACHE_TTL_SECONDS?"
    ]


def test_every_problem_is_said_at_once() -> None:
    found = problems(
        ROWHOUSE_NONSENSE="1", ROWHOUSE_WORKERS="many", ROWHOUSE_DATABASE_HOST="", ROWHOUSE_LOG_LEVEL="inof"
    )
    assert found == [
        "ROWHOUSE_NONSENSE: no such setting.",
        "ROWHOUSE_DATABASE_HOST: must not be empty.",
        "ROWHOUSE_WORKERS: must be a whole number from 1 to 2147483647, not 'many'.",
        "ROWHOUSE_LOG_LEVEL: must be one of debug, info, warning, error, critical, not 'inof'. Did you mean info?",
    ]


def test_required_settings_say_what_they_are_for() -> None:
    with pytest.raises(SettingsError, match=r"ROWHOUSE_DATABASE_HOST: not set\. Host of PostgreSQL"):
        Settings.from_env({})


@pytest.mark.parametrize("port", ["0", "65536", "-1", "1.5", "", " 80", "٣"])
def test_a_port_is_a_port(port: str) -> None:
    assert len(problems(ROWHOUSE_PORT=port)) == 1


def test_two_servers_cannot_share_a_port() -> None:
    assert problems(ROWHOUSE_ADMIN_PORT="8000") == ["ROWHOUSE_ADMIN_PORT: must differ from ROWHOUSE_PORT."]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("OBJECT_STORE_ENDPOINT", "OBJECT_STORE_BUCKET"),
        ("OBJECT_STORE_BUCKET", "OBJECT_STORE_ENDPOINT"),
        ("OBJECT_STORE_ACCESS_KEY", "OBJECT_STORE_SECRET_KEY"),
        ("OBJECT_STORE_SECRET_KEY", "OBJECT_STORE_ACCESS_KEY"),
    ],
)
def test_half_an_object_store_is_none(given: str, missing: str) -> None:
    value = "http://s3" if given.endswith("ENDPOINT") else "abc"
    assert problems(**{f"ROWHOUSE_{given}": value}) == [f"ROWHOUSE_{missing}: must be set, as ROWHOUSE_{given} is."]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENDPOINT", "s3.example.org"),
        ("ENDPOINT", "https://user:password@s3.example.org"),
        ("ENDPOINT", "https://s3.example.org/bucket"),
        ("ENDPOINT", "https://"),
        ("ENDPOINT", "http://["),
        ("ENDPOINT", "http://[::1:9000"),
        ("ENDPOINT", "https://%zz"),
        ("ENDPOINT", "http://a:b"),
        ("REGION", "eu west"),
        ("BUCKET", "Upper"),
        ("BUCKET", "a/b"),
        ("PREFIX", "no-slash"),
        ("PREFIX", "/absolute/"),
        ("PREFIX", "../"),
        ("PREFIX", ""),
    ],
)
def test_what_is_no_place_in_an_object_store(name: str, value: str) -> None:
    (problem,) = problems(**{f"ROWHOUSE_OBJECT_STORE_{name}": value})
    assert problem.startswith(f"ROWHOUSE_OBJECT_STORE_{name}: ")


@pytest.mark.parametrize("endpoint", ["http://s3:65536", "http://[::1::]"])
def test_an_endpoint_that_cannot_be(endpoint: str) -> None:
    (problem,) = problems(ROWHOUSE_OBJECT_STORE_ENDPOINT=endpoint, ROWHOUSE_OBJECT_STORE_BUCKET="abc")
    assert problem.startswith("ROWHOUSE_OBJECT_STORE_ENDPOINT: ")


@pytest.mark.parametrize(
    "endpoint", ["http://s3", "https://s3.example.org:9000", "http://[::1]:9000", "http://10.0.0.1"]
)
def test_an_endpoint(endpoint: str) -> None:
    given = {"ROWHOUSE_OBJECT_STORE_ENDPOINT": endpoint, "ROWHOUSE_OBJECT_STORE_BUCKET": "abc"}
    assert Settings.from_env(LEAST | given).object_store_endpoint == endpoint


def test_a_key_that_cannot_be_is_not_shown_either() -> None:
    keys = {"ROWHOUSE_OBJECT_STORE_ACCESS_KEY": "swordfish\n", "ROWHOUSE_OBJECT_STORE_SECRET_KEY": "x"}
    (problem,) = problems(**keys)
    assert problem.startswith("ROWHOUSE_OBJECT_STORE_ACCESS_KEY: cannot be what it is. Access key")


def test_passwords_are_not_shown() -> None:
    names = ("DATABASE_PASSWORD", "REDIS_PASSWORD", "OBJECT_STORE_ACCESS_KEY", "OBJECT_STORE_SECRET_KEY")
    settings = Settings.from_env(LEAST | {f"ROWHOUSE_{name}": "swordfish" for name in names})
    assert "swordfish" not in repr(settings)
    assert settings.database_password == "swordfish"


@pytest.mark.parametrize("origins", ["", "*", "https://a.example", "https://a.example http://localhost:3000"])
def test_origins(origins: str) -> None:
    assert Settings.from_env(LEAST | {"ROWHOUSE_CORS_ORIGINS": origins}).cors_origins == origins


@pytest.mark.parametrize("origins", ["a.example", "https://a.example/", "https://*.example", "* https://a.example"])
def test_what_is_no_origin(origins: str) -> None:
    (problem,) = problems(ROWHOUSE_CORS_ORIGINS=origins)
    assert problem.startswith(f"ROWHOUSE_CORS_ORIGINS: cannot be {origins!r}. Origins whose pages may read answers")
