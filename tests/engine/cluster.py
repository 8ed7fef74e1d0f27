"""Several partitions in memory: persons spread over them, and one partition of stage two, fed in any rhythm."""

from zlib import crc32

from monitor.engine import Engine
from monitor.memory_store import MemoryStore
from monitor.records import AlertChange, Effects, Frame, Record, frame_encoder
from monitor.terms_files import load_terms
from monitor.timeline import BadLine, place
from tests.facts import Wire, encoded
from topics.decoding import Decoder

PERSONS = "claims.facts.v1"


class Cluster:
    """The engine over several source partitions.

    Args:
        partitions: of stage one.
    """

    def __init__(self, partitions: int) -> None:
        self.engine = Engine(load_terms(None), partitions, "contributions")
        self.persons = [MemoryStore() for _ in range(partitions)]
        self.keys = MemoryStore()
        self.standing: dict[str, bytes] = {}
        self.frames: list[Record] = []
        self._offsets = [0] * partitions

    def records(self, objects: list[Wire]) -> list[list[Record]]:
        """Registry entries go in at once; facts become records of their partition, ticks of every one."""
        found: list[list[Record]] = [[] for _ in self.persons]
        for item in place(encoded(objects)):
            assert not isinstance(item, BadLine)
            if item.family == "registry":
                self.engine.put(Decoder("registry")(item.value))
                continue
            every = range(len(self.persons))
            for number in every if item.key is None else [crc32(item.key.encode()) % len(self.persons)]:
                key = None if item.key is None else item.key.encode()
                record = Record(PERSONS, number, self._offsets[number], item.time_ms, key, item.value, checked=False)
                self._offsets[number] += 1
                found[number].append(record)
        return found

    def apply(self, records: list[Record]) -> Effects:
        """One batch of one partition; its frame waits in `frames`."""
        number = records[0].partition
        effects = self.engine.persons.apply(records, self.persons[number])
        self.persons[number].apply(effects)
        self._publish(effects.alerts)
        if effects.entries or effects.clock is not None:
            value = frame_encoder.encode(Frame(number, effects.clock or 0, effects.entries))
            self.frames.append(Record("contributions", 0, len(self.frames), None, None, value))
        return effects

    def apply_frames(self, frames: list[Record]) -> Effects:
        """One batch of stage two."""
        effects = self.engine.keys.apply(frames, self.keys)
        self.keys.apply(effects)
        self._publish(effects.alerts)
        return effects

    def _publish(self, changes: list[AlertChange]) -> None:
        for change in changes:
            if change.action == "withdrawn":
                del self.standing[change.alert.jr_id]
            else:
                self.standing[change.alert.jr_id] = change.value

    def alerts(self) -> list[bytes]:
        """Values of the standing alerts, by jr_id."""
        return [self.standing[jr_id] for jr_id in sorted(self.standing)]
