"""Which keys are due, after any changes of their wake times."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.memory_store import MemoryStore
from monitor.records import Effects

KEYS = [b"a", b"b", b"c"]
TIMES = st.integers(0, 5)
CHANGES = st.dictionaries(st.sampled_from(KEYS), st.none() | TIMES)


@given(st.lists(st.tuples(CHANGES, TIMES)))
def test_due_are_those_whose_last_wake_time_has_come_by_time_and_key(
    steps: list[tuple[dict[bytes, int | None], int]],
) -> None:
    store = MemoryStore()
    now: dict[bytes, int | None] = {}
    for changed, until in steps:
        store.apply(Effects(wakes={key: (now.get(key), after) for key, after in changed.items()}))
        now |= changed
        due = sorted((time, key) for key, time in now.items() if time is not None and time <= until)
        assert store.due(until) == [key for _, key in due]
        assert store.due(until) == store.due(until)
