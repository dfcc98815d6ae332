"""The memory of one process, against a model of it and by its bounds."""

import time
import tracemalloc
from collections import OrderedDict

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from rowhouse.cache import Entry
from rowhouse.local_cache import LocalCache

SIZE = 64 * 1024
LARGEST = SIZE // 16
TTL = 100

keys = st.sampled_from([f"key {number}" for number in range(40)])
# Around what a single answer may take, which is 4 KiB with everything.
lengths = st.integers(0, LARGEST + 100)


class AgainstAModel(RuleBasedStateMachine):
    """Puts and gets, and a model that knows which answers must be there: the last used that have room."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = LocalCache(SIZE, TTL)
        self.answers: OrderedDict[str, Entry] = OrderedDict()
        self.missing: OrderedDict[str, Entry] = OrderedDict()
        self.sizes: dict[str, int] = {}

    @rule(key=keys, length=lengths, missing=st.booleans(), age=st.sampled_from([0, 0, 0, TTL - 50, TTL + 1]))
    def put(self, key: str, length: int, missing: bool, age: int) -> None:
        # A key never stands for an answer once and for none at another time: versions do not change.
        key = f"{key} is missing" if missing else key
        entry = Entry(bytes(length), missing=missing, made=int(time.time()) - age)
        before = self.cache.size
        self.cache.put(key, entry)
        if not missing and length > LARGEST:
            assert self.cache.size == before
            assert self.cache.get(key) == self.answers.get(key)
            return
        room = self.missing if missing else self.answers
        alone = LocalCache(SIZE, TTL)
        alone.put(key, Entry(bytes(length), missing=missing))
        if not alone.size:
            return
        room.pop(key, None)
        if age > entry.seconds_to_keep(TTL):
            return
        self.sizes[key] = alone.size
        room[key] = entry
        while sum(self.sizes[each] for each in room) > (LARGEST if missing else SIZE - LARGEST):
            room.popitem(last=False)

    @rule(key=keys, missing=st.booleans())
    def get(self, key: str, missing: bool) -> None:
        key = f"{key} is missing" if missing else key
        room = self.missing if missing else self.answers
        assert self.cache.get(key) == room.get(key)
        if key in room:
            room.move_to_end(key)

    @invariant()
    def holds_what_the_model_holds_and_no_more(self) -> None:
        assert self.cache.size == sum(self.sizes[key] for key in (*self.answers, *self.missing)) <= SIZE


TestAgainstAModel = AgainstAModel.TestCase


def test_it_takes_no_more_memory_than_it_says() -> None:
    size = 4 * 2**20
    tracemalloc.start()
    try:
        cache = LocalCache(size, TTL)
        for length in (0, 50, 500, 5000):
            for number in range(20_000):
                cache.put(f"{length} {number} {'a' * 100}", Entry(b"x" * length, f"/next?cursor={number}{'a' * 50}"))
            assert 0.9 * size < cache.size <= size
            assert tracemalloc.get_traced_memory()[0] < 1.05 * size
    finally:
        tracemalloc.stop()


def test_who_asks_for_what_is_not_there_does_not_drive_answers_out() -> None:
    cache = LocalCache(SIZE, TTL)
    cache.put("answer", Entry(b"answer"))
    for number in range(10_000):
        cache.put(f"{number}", Entry(b"no such row", missing=True))
    assert cache.get("answer") == Entry(b"answer")
    assert cache.get("9999") == Entry(b"no such row", missing=True)
    assert cache.size <= SIZE


def test_a_single_large_answer_does_not_drive_the_others_out() -> None:
    cache = LocalCache(SIZE, TTL)
    cache.put("small", Entry(b"small"))
    cache.put("large", Entry(bytes(LARGEST)))
    assert cache.get("small")
    assert not cache.get("large")


def test_without_room_nothing_is_kept() -> None:
    cache = LocalCache(0, TTL)
    cache.put("a", Entry(b""))
    assert cache.get("a") is None


def test_its_time_is_counted_from_when_it_was_made_wherever_that_was() -> None:
    cache = LocalCache(SIZE, TTL)
    now = int(time.time())
    for age in (TTL - 50, TTL + 1, -1000):
        cache.put(f"{age}", Entry(b"", made=now - age))
    for age in (0, 31):
        cache.put(f"missing {age}", Entry(b"", missing=True, made=now - age))
    found = [age for age in (TTL - 50, TTL + 1, -1000) if cache.get(f"{age}")]
    assert found == [TTL - 50, -1000]
    assert cache.get("missing 0")
    assert not cache.get("missing 31")


def test_it_is_gone_when_its_time_is_over() -> None:
    cache = LocalCache(SIZE, 2)
    for key, ahead in (("a", 0), ("of a replica whose clock is ahead", 1000)):
        cache.put(key, Entry(b"", made=int(time.time()) + ahead))
        assert cache.get(key)
    time.sleep(2.1)
    assert not cache.get("a")
    assert not cache.get("of a replica whose clock is ahead")
    assert cache.size == 0
