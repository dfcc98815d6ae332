"""The items of a long JSON array, told apart while it is read."""

import io
import json
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rowhouse import opening
from rowhouse.errors import LoadError
from rowhouse.jsonitems import split_items

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(['"', "\\", "]", '\\"', "{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=3), values, max_size=3)
no_arrays = st.dictionaries(st.text(min_size=1, max_size=3), objects | st.text(), max_size=2)


def split(text: str, chunk_bytes: int = 1 << 18) -> list[str]:
    with patch.object(opening, "CHUNK_BYTES", chunk_bytes):
        return [item.decode() for item in split_items(Path("x.json"), io.BytesIO(text.encode()))]


@given(
    rows=st.lists(objects, max_size=4),
    wrapper=st.none() | no_arrays,
    indent=st.none() | st.just(2),
    chunk=st.integers(1, 40),
)
def test_every_item_is_told_apart(
    rows: list[object], wrapper: dict[str, object] | None, indent: int | None, chunk: int
) -> None:
    whole = rows if wrapper is None else {**wrapper, "": rows, **{f"{name}x": value for name, value in wrapper.items()}}
    text = json.dumps(whole, indent=indent, ensure_ascii=chunk % 2 == 0)
    assert [json.loads(item) for item in split(text, chunk)] == rows


@given(rows=st.lists(objects, min_size=1, max_size=3), cut=st.integers(1, 200), chunk=st.integers(1, 40))
def test_a_part_of_an_array_is_never_taken_for_the_whole(rows: list[object], cut: int, chunk: int) -> None:
    text = json.dumps(rows)
    with pytest.raises(LoadError):
        split(text[: -min(cut, len(text))], chunk)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the JSON holds no array"),
        ("{}", "the JSON holds no array"),
        ('"[{}]"', "the JSON holds no array"),
        ('{"a": {"b": [{}]}}', "the JSON holds no array"),
        ("[", "the JSON ends in the middle"),
        ('[{"a": 1}, {"b"', "item 2: the JSON ends in the middle"),
        ('[{"a": "]}', "item 1: the JSON ends in the middle"),
        ("[{}] x", "item 1: the JSON goes on behind its end"),
        ("[{}] []", "item 1: the JSON goes on behind its end"),
        ("x [{}]", "the JSON begins with neither"),
        ("[1, 2]", "the JSON is no array of objects"),
        ("[[1], [2]]", "the JSON is no array of objects"),
        ("[{}, 3]", "item 1: the JSON is no array of objects"),
        ("[{},]", "item 1: the JSON is no array of objects"),
        ("[{} {}]", "item 1: the JSON is no array of objects"),
        ("[{}}", "item 1: the JSON is no array of objects"),
        ('{"a": [{}], "b": []}', "item 1: the JSON holds more than one array, and it cannot be told"),
        ('{"id": 1}\n{"id": 2}', "one object a line is called .ndjson"),
    ],
)
def test_what_is_no_array_of_objects(text: str, said: str) -> None:
    with pytest.raises(LoadError) as caught:
        split(text)
    assert said in str(caught.value)


def test_an_item_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LONGEST_ROW_BYTES", 1 << 10)
    with pytest.raises(LoadError, match="item 2: the JSON does not end within"):
        split('[{}, {"a": "' + "x" * 5000 + '"}]', 100)
