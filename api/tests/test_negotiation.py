"""Accept and Accept-Encoding, as RFC 9110 has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rowhouse.choice import FORMATS
from rowhouse.negotiation import choose_coding, choose_media

CODINGS = ("zstd", "gzip")
ODD = st.text(st.sampled_from('gzipstdencyjo*/;=q.,019 "\\\t\xe9\x00'), max_size=60)


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("text/csv", "csv"),
        ("TEXT/CSV", "csv"),
        ("text/*", "csv"),
        ("text/csv; header=absent", "csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "json"),
        ("application/json;q=0.5, text/csv", "csv"),
        ("application/json;q=0.5, text/csv;q=0.5", "json"),
        ("*/*;q=0.1, application/json;q=0", "csv"),
        ("application/*;q=0.3, application/geo+json;q=0.4", "geojson"),
        ("application/vnd.apache.parquet", "parquet"),
        ("text/csv;q=2, application/x-ndjson", "ndjson"),
        ("nonsense", "json"),
        ("text/html", None),
        ("*/*;q=0", None),
        ("text/html, application/json;q=0.000", None),
    ],
)
def test_media(accept: str | None, name: str | None) -> None:
    chosen = choose_media(accept, FORMATS)
    assert (chosen and chosen.name) == name


@pytest.mark.parametrize(
    ("accepted", "name"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, zstd;q=0.9", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("br", "identity"),
        ("*", "zstd"),
        ("*;q=0.5, gzip", "gzip"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("gzip;q=oops", "identity"),
        ("identity;q=0", None),
        ("br, identity;q=0", None),
        ("*;q=0", None),
        ("*;q=0, identity", "identity"),
        ("*;q=0, gzip;q=0.1", "gzip"),
    ],
)
def test_codings(accepted: str | None, name: str | None) -> None:
    assert choose_coding(accepted, CODINGS) == name


@given(ODD)
def test_nothing_is_chosen_that_was_not_offered(field: str) -> None:
    assert choose_media(field, FORMATS) in (None, *FORMATS)
    assert choose_coding(field, CODINGS) in (None, "identity", *CODINGS)


@given(st.permutations(["gzip;q=0.2", "zstd;q=0.4", "identity;q=0.3", "br"]))
def test_the_order_of_a_list_does_not_matter(items: list[str]) -> None:
    assert choose_coding(", ".join(items), CODINGS) == "zstd"
