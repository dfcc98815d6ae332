"""Entries as bytes, and no cache at all."""

import asyncio

import pytest
from rowhouse.cache import Entry, NoCache, Source, Verdict


async def make() -> Entry:
    return Entry(b"body")


@pytest.mark.parametrize("verdict", [Verdict.MISS, Verdict.BYPASS])
def test_without_a_cache_everything_is_made(verdict: Verdict) -> None:
    assert asyncio.run(NoCache(verdict).fetch("a", make)) == (Entry(b"body"), verdict)


@pytest.mark.parametrize(
    "entry", [Entry(b""), Entry(b"a\nb \n", "/next?cursor=a"), Entry(b"no such row", missing=True)]
)
def test_an_entry_comes_back_from_its_bytes_under_its_own_key_only(entry: Entry) -> None:
    content = entry.to_bytes("a")
    back = Entry.from_bytes(content, "a")
    assert back == entry
    assert back
    assert back.made == entry.made
    assert Entry.from_bytes(content, "b") is None


def test_what_is_missing_is_kept_for_half_a_minute_at_most() -> None:
    assert [Entry(b"").seconds_to_keep(ttl) for ttl in (10, 3600)] == [10, 3600]
    assert [Entry(b"", missing=True).seconds_to_keep(ttl) for ttl in (10, 3600)] == [10, 30]


def test_every_verdict_has_a_source_for_own_and_others_answers() -> None:
    assert {Source.beyond(verdict, is_own=own) for verdict in Verdict for own in (True, False)} == set(Source) - {
        Source.LOCAL
    }
