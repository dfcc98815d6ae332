"""/docs: a page that needs nothing from anywhere else."""

import gzip
import re
from collections.abc import Iterator

import pytest
from house import Served, make_house_of_stations
from parts import Postgres
from test_resources import assert_problem


@pytest.fixture(scope="module")
def served(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    house = make_house_of_stations(postgres, tmp_path_factory.mktemp("datasets"), 1)
    with house.serve({"WORKERS": "1"}) as served:
        yield served


@pytest.fixture(scope="module")
def assets(served: Served) -> dict[str, str]:
    """Return the paths of what the page loads, by their names."""
    paths = re.findall(r'(?:src|href)="(/docs/[^"]+)"', served.public.get("/docs").text)
    return {path.rpartition("/")[2]: path for path in paths}


def test_the_page_allows_itself_nothing_from_elsewhere(served: Served) -> None:
    page = served.public.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(item.strip().split(" ", 1) for item in page.headers["Content-Security-Policy"].split(";"))
    assert policy.pop("img-src") == "'self' data:"
    assert set(policy.values()) == {"'self'", "'none'"}
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert page.headers["Link"].startswith('</openapi.json>; rel="service-desc"')
    # No address of another site, and neither script nor style that the policy would not run.
    assert not re.search(r"//|<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=", page.text)


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("swagger_bundle.js", "text/javascript", b"SwaggerUIBundle"),
        ("swagger_style.css", "text/css; charset=utf-8", b"html.dark-mode"),
        ("page.js", "text/javascript", b"prefers-color-scheme: dark"),
        ("page.css", "text/css; charset=utf-8", b"max-width"),
    ],
)
def test_an_asset(served: Served, assets: dict[str, str], name: str, kind: str, said: bytes) -> None:
    assert assets.keys() == {"swagger_bundle.js", "swagger_style.css", "page.js", "page.css"}
    plain = served.public.get(assets[name], headers={"Accept-Encoding": "identity"})
    assert plain.status_code == 200
    assert plain.headers["Content-Type"] == kind
    assert plain.headers["X-Content-Type-Options"] == "nosniff"
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert said in plain.content
    head = served.public.head(assets[name], headers={"Accept-Encoding": "identity"})
    assert (head.headers["Content-Length"], head.content) == (str(len(plain.content)), b"")
    tagged = {"Accept-Encoding": "identity", "If-None-Match": plain.headers["ETag"]}
    again = served.public.get(assets[name], headers=tagged)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", plain.headers["ETag"])


def test_large_ones_are_compressed(served: Served, assets: dict[str, str]) -> None:
    with served.public.stream("GET", assets["swagger_bundle.js"], headers={"Accept-Encoding": "gzip"}) as answer:
        body = b"".join(answer.iter_raw())
    assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert len(body) < 600_000
    assert b"SwaggerUIBundle" in gzip.decompress(body)


def test_a_page_of_another_release_gets_what_there_is_but_not_to_keep(served: Served, assets: dict[str, str]) -> None:
    answer = served.public.get("/docs/0123456789abcdef/page.js")
    assert answer.content == served.public.get(assets["page.js"]).content
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name",
    ["nothing.js", "redoc.js", "__init__.py", "resources.py", "..%2fapp.py", "%2e%2e", "..%2f..%2f..%2fetc%2fpasswd"],
)
def test_there_is_nothing_else(served: Served, assets: dict[str, str], name: str) -> None:
    folder = assets["page.js"].rpartition("/")[0]
    assert_problem(served.public.get(f"{folder}/{name}"), 404, "route-not-found")
    assert_problem(served.public.get(f"/docs/{name}"), 404, "route-not-found")


def test_it_takes_no_parameters(served: Served, assets: dict[str, str]) -> None:
    for path in ("/docs", assets["page.js"], "/openapi.json"):
        assert_problem(served.public.get(path, params={"url": "https://evil.example"}), 400, "unknown-parameter")
        assert served.public.options(path).headers["Allow"] == "GET, HEAD, OPTIONS"


def test_health_says_where_the_description_is(served: Served) -> None:
    assert served.public.get("/health").headers["Link"] == (
        '</openapi.json>; rel="service-desc", </docs>; rel="service-doc"'
    )
