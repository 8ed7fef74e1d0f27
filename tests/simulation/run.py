"""One seed: make the world, let it run until everything is judged, compare with a single pass."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final

import msgspec

from detectors.standing import Counts
from monitor.delivery.fence import Outgoing
from monitor.engine import Engine
from monitor.memory_store import MemoryStore
from monitor.recount import account_of, recount
from monitor.state import META, read_meta, wake_of
from monitor.totals import RuleKey, Total
from monitor.worker.accounts import account_shown
from tests.end_to_end.reference import key_floors, keys_in, persons_in, since
from tests.simulation.broker import Broker, Group
from tests.simulation.disk import Disk, load
from tests.simulation.loop import SimulatedLoop
from tests.simulation.process import CHANGELOGS, CONTRIBUTIONS, STAGES, Process
from tests.simulation.workload import CONSULTING, RULES, TERMS, Workload, workload
from tests.simulation.world import MODES, MOST_STEPS, POINTS, Fault, Mode, World, current
from topics.alerts import decode
from topics.catalogue import ALERTS, ALERTS_LOG, CLAIMS, INSTITUTIONS, REGISTRY, dead_letters

MOST_WORKERS: Final = 4
THEMES: Final = ("any", "any", "zombies", "registry")
"""Most seeds mix everything; some stop workers in the middle of transactions alone, some change the registry late."""
FORGETTING: Final = "forgetting"
"""The theme of histories that go on for longer than facts are kept."""


class Differs(Exception):
    """The pipeline ended elsewhere than the single pass."""


@dataclass
class Outcome:
    """What a seed did.

    Attributes:
        seed: the seed.
        problem: what is wrong, None when everything is equal.
        faults: the planned faults that struck.
        log: what happened on the way.
        steps: how many steps it took.
        alerts: how many alerts stand.
    """

    seed: int
    problem: str | None
    faults: list[Fault]
    log: list[str]
    steps: int
    alerts: int

    def replay(self, mutation: str | None = None, theme: str | None = None) -> str:
        """The command that plays it again."""
        return (
            f"python -m tests.simulation --seed {self.seed}"
            + (f" --broken {mutation}" if mutation else "")
            + (f" --theme {theme}" if theme else "")
        )


@dataclass
class Simulation:
    """The world of one seed, and the events in it.

    Args:
        seed: decides everything.
        process: the class of the workers' processes; broken variants prove that the comparison can fail.
        theme: one of `THEMES`, or `FORGETTING`; None: the seed decides.
    """

    seed: int
    process: type[Process] = Process
    theme: str | None = None
    _serial: int = 0
    _fates: int = 0
    _outlive: bool = False
    _left: dict[tuple[str, int], list[Outgoing]] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Play the seed."""
        chance = Random(self.seed)
        self.partitions = chance.choice((1, 2, 2, 3))
        theme = chance.choice(THEMES)
        theme = self.theme or theme
        self._outlive = outlive = self.theme == FORGETTING or (self.theme is None and self.seed % 5 == 3)
        self.work: Workload = workload(
            chance, self.partitions, CONSULTING if theme == "registry" else RULES, outlive=outlive
        )
        counts = dict.fromkeys(
            (CLAIMS, INSTITUTIONS, CONTRIBUTIONS, *CHANGELOGS.values(), ALERTS, ALERTS_LOG), self.partitions
        ) | {dead_letters(CLAIMS): self.partitions, dead_letters(INSTITUTIONS): self.partitions, REGISTRY: 1}
        points: tuple[str, ...] = ("send", "changelog", "commit") if theme == "zombies" else POINTS
        modes: tuple[Mode, ...] = ("stall",) if theme == "zombies" else MODES
        faults = [
            Fault(
                chance.choice(points), chance.choice(modes), chance.choice(("before", "after")), chance.randint(1, 12)
            )
            for _ in range(chance.choice((2, 4, 6) if theme == "zombies" else (0, 1, 2, 3, 5)))
        ]
        self.world = world = World(chance, Broker(counts), Group(self.partitions), faults)
        world.events = self._events
        world.most_steps = MOST_STEPS * (3 if outlive else 1)
        self._fates = (
            6 if theme == "registry" else chance.choice((0, 1, 2, 4))
        )  # stops at any moment, besides the planned faults
        self._left = {where: list(records) for where, records in self.work.facts.items()}
        self._late = list(self.work.late)
        self._late_from = chance.choice((60, 100, 150))
        early = list(self.work.registry)
        if theme == "registry" and not outlive:  # else facts that it covers are forgotten before it is read
            world.slow_point = "registry"
            self._late, early = self._late + early, []
        for record in early:
            world.broker.log(REGISTRY, 0).append(record)
        problem: str | None = None
        loop = SimulatedLoop(world.step, _adopt)
        loop.set_exception_handler(lambda *_: None)
        try:
            problem = self._play(loop)
        except Exception as error:  # noqa: BLE001 - whatever it is, the seed has failed
            problem = f"{type(error).__name__}: {error}"
        finally:
            _clean_up(loop, world)
        return Outcome(self.seed, problem, world.struck, world.log, world.steps, len(self.work.alerts))

    def _play(self, loop: SimulatedLoop) -> str | None:
        world = self.world
        over = loop.create_future()
        world.over = self._over

        async def main() -> None:
            for _ in range(world.chance.choice((1, 1, 2, 3))):
                self._begin(Disk())
            await over

        def finish() -> None:
            if not over.done():
                over.set_result(None)

        self._finish = finish
        loop.run_until_complete(main())
        return self._compare()

    # ------------------------------------------------------------------ what may happen at any moment

    def _begin(self, disk: Disk) -> None:
        self._serial += 1
        process = self.process(self.world, f"w{self._serial}", disk, Engine(TERMS, self.partitions, CONTRIBUTIONS))
        self.world.processes.append(process)
        self.world.note(f"{process.name} starts with {len(disk)} local stores")
        process.start()

    def _events(self) -> list[tuple[float, Callable[[], None]]]:
        world = self.world
        broker, group = world.broker, world.group
        found: list[tuple[float, Callable[[], None]]] = []
        if self._left:
            found.append((4.0, self._produce))
        if self._late and (world.steps > self._late_from or not self._left):
            found.append((1.0, self._change_registry))
        found += [(3.0, partial(broker.mark_one, name, world.chance)) for name in broker.to_mark]
        if group.can_assign:
            found.append((1.0, group.assign))
        heard = {each.name for each in world.processes if not (each.dead or each.frozen or each.ended)}
        found += [(0.5, partial(self._expel, name)) for name in group.members if name not in heard]
        if not self._left and not self._late:
            self._fates = 0
        for process in world.processes:
            if process.frozen:
                found.append((0.25, partial(world.thaw, process)))
                found += [
                    (0.1, partial(broker.expire, name))
                    for name in broker.open_transactions
                    if name in process.producers
                ]
            elif process.dead or process.ended:
                found.append((0.5, partial(self._replace, process)))
            elif self._fates > 0:
                found.append((0.02, partial(self._fate, process)))
        if not found or world.steps % 8 == 0:
            self._check_over()
        return found

    def _produce(self) -> None:
        where = self.world.chance.choice(sorted(self._left))
        queue = self._left[where]
        count = self.world.chance.choice((1, 1, 2, 5, 20))
        for record in queue[:count]:
            self.world.broker.log(*where).append(record)
        del queue[:count]
        if not queue:
            del self._left[where]

    def _change_registry(self) -> None:
        self.world.broker.log(REGISTRY, 0).append(self._late.pop(0))

    def _expel(self, name: str) -> None:
        self.world.note(f"{name} was not heard of for too long")
        self.world.group.leave(name)

    def _replace(self, process: Process) -> None:
        self.world.processes.remove(process)
        disk = process.disk
        if self.world.chance.random() < 0.3:
            self.world.note(f"the disk of {process.name} is lost")
            disk = Disk()
        self._begin(disk)

    def _fate(self, process: Process) -> None:
        self._fates -= 1
        world = self.world
        what = world.chance.choice(("kill", "freeze", "stop", "another"))
        if what == "kill":
            world.kill(process)
        elif what == "freeze":
            world.freeze(process)
        elif what == "stop":
            world.note(f"{process.name} is told to stop")
            process.leaving = True
        elif len(world.processes) < MOST_WORKERS:
            self._begin(Disk())

    # ------------------------------------------------------------------ the end

    def _check_over(self) -> None:
        if self._left or self._late:
            return
        world = self.world
        idle = not any(
            process.dead or process.frozen or process.ended or process.leaving for process in world.processes
        )
        if idle and self._over():
            self._finish()

    def _over(self) -> bool:
        world = self.world
        broker = world.broker
        if broker.open_transactions or broker.to_mark or world.group.rebalancing:
            return False
        for stage in STAGES:
            for topic in stage.topics:
                for number in range(self.partitions):
                    log = broker.log(topic, number)
                    if world.group.offsets.get(log.tp, 0) < log.end:
                        return False
        units: dict[tuple[str, int], Any] = {}
        for process in world.processes:
            units |= process.open_units
            for (stage_name, _), unit in process.open_units.items():
                change = process.feed.last_change(stage_name)
                meta = read_meta(unit.store.get(META))
                if meta.judged != meta.agreed or (change is not None and meta.registry < change.offset):
                    return False
            if process.feed.behind:
                return False
        return len(units) == len(STAGES) * self.partitions

    def _compare(self) -> str | None:
        """What differs from the single pass; None: nothing."""
        problems = [*self._alerts(), *self._states(), *self._accounts(), *self._totals(), *self._dead_letters()]
        return "; ".join(problems) or None

    def _alerts(self) -> list[str]:
        standing: dict[str, bytes] = {}
        revisions: dict[str, int] = {}
        problems = []
        for number in range(self.partitions):
            for record in self.world.broker.log(ALERTS, number).committed():
                assert record.value is not None
                alert = decode(record.value)
                headers = dict(record.headers)
                action = headers["ce_type"].decode().split(".")[-2]
                before = revisions.pop(alert.jr_id, None)
                if (before is None) != (action == "raised"):
                    problems.append(f"{alert.rule_id} {alert.about.id} is {action} though it stood at {before}")
                if alert.status == "withdrawn":
                    standing.pop(alert.jr_id, None)
                else:
                    standing[alert.jr_id] = record.value
                    revisions[alert.jr_id] = int(headers["revision"])
                    if revisions[alert.jr_id] != (before or 0) + 1:
                        problems.append(
                            f"{alert.rule_id} {alert.about.id} goes from {before} to {revisions[alert.jr_id]}"
                        )
        expected = self.work.alerts
        problems += [
            f"alert: expected {_text(expected.get(jr_id))}, found {_text(standing.get(jr_id))}"
            for jr_id in sorted(standing.keys() | expected.keys())
            if standing.get(jr_id) != expected.get(jr_id)
        ]
        return problems

    def _states(self) -> list[str]:
        problems = []
        rebuilt = {stage: MemoryStore() for stage in CHANGELOGS}
        owned = {where: unit for process in self.world.processes for where, unit in process.open_units.items()}
        for stage, topic in CHANGELOGS.items():
            for number in range(self.partitions):
                part = MemoryStore()
                records = self.world.broker.log(topic, number).committed()
                load(part, [(record.key or b"", record.value) for record in records], wake_of)
                with owned[stage, number].store.reading() as local:
                    assert isinstance(local, MemoryStore)
                    if local.values != part.values or local.wakes != part.wakes:
                        problems.append(f"local state of {stage}-{number} differs from its changelog")
                rebuilt[stage].values |= {key: value for key, value in part.values.items() if key != META}
        persons = persons_in(rebuilt["persons"])
        # of long histories more may be kept than must be, how much depends on the batches
        if persons != self.work.persons and not self._outlive:
            problems.append(f"persons differ: {_first_difference(self.work.persons, persons)}")
        floors = dict(self.work.floors)
        for key, floor in key_floors(rebuilt["keys"]).items():
            floors[key] = max(floor, floors.get(key, ""))
        one, other = _since(floors, self.work.keys), _since(floors, keys_in(rebuilt["keys"]))
        if one != other:
            problems.append(f"sums differ: {_first_difference(one, other)}")
        return problems

    def _accounts(self) -> list[str]:
        """Every record is counted once, and what became of every fact is what became of it in a single pass."""
        problems = []
        broker = self.world.broker
        sums = {stage: Counts() for stage in CHANGELOGS}
        quarantined = 0
        for process in self.world.processes:
            for (stage, number), unit in process.open_units.items():
                with unit.store.reading() as reading:
                    meta = read_meta(reading.get(META))
                    account = account_of(meta, reading)
                    shown = account_shown(meta, account, recount(reading))
                problems += [f"account of {stage}-{number}: {difference}" for difference in shown["differences"]]
                sums[stage].add(account.facts)
                for topic, counts in account.records.items():
                    quarantined += counts.quarantined
                    sent = len(broker.log(topic, number).committed())
                    if counts.read != sent:
                        problems.append(f"{counts.read} of {sent} records of {topic}-{number} were read")
        if quarantined != self.work.poison:
            problems.append(f"{quarantined} of {self.work.poison} bad records are in the accounts")
        for stage, found in sums.items() if not self._outlive else ():
            expected = self.work.counts[stage]
            problems += [
                f"account of {stage}: expected {getattr(expected, name)} facts {name}, found {getattr(found, name)}"
                for name in ("admitted", "live", "reversed", "voided", "forgotten")
                if getattr(expected, name) != getattr(found, name)
            ]
        return problems

    def _totals(self) -> list[str]:
        """What stands and its money, by rule and by institution, as the workers' metrics show it."""
        rules: dict[RuleKey, Total] = {}
        institutions: dict[str, Total] = {}
        for process in self.world.processes:
            standing = process.metrics.standing
            for rule, total in standing.rules().items():
                rules.setdefault(rule, Total()).stand(total.alerts, total.amount)
            for name, total in standing.institutions.items():
                institutions.setdefault(name, Total()).stand(total.alerts, total.amount)
        expected = self.work.standing
        return [
            f"totals differ: expected {one}, found {other}"
            for one, other in (
                (_stand(expected.rules()), _stand(rules)),
                (_stand(expected.institutions), _stand(institutions)),
            )
            if one != other
        ]

    def _dead_letters(self) -> list[str]:
        seen = [
            tuple(
                value for name, value in record.headers if name in {"source_topic", "source_partition", "source_offset"}
            )
            for topic in (CLAIMS, INSTITUTIONS)
            for number in range(self.partitions)
            for record in self.world.broker.log(dead_letters(topic), number).committed()
        ]
        if len(seen) != len(set(seen)):
            return ["a record was quarantined twice"]
        return [] if len(seen) == self.work.poison else [f"{len(seen)} of {self.work.poison} records were quarantined"]


def _adopt(task: "asyncio.Task[Any]") -> None:
    process = current.get(None)
    if process is not None:
        process.tasks.add(task)
        task.add_done_callback(process.tasks.discard)


def _clean_up(loop: SimulatedLoop, world: World) -> None:
    for process in world.processes:
        process.dead = True
    world.requests.clear()
    world.events = list
    for _ in range(5):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            break
        for task in tasks:
            task.cancel()
        try:
            loop.run_until_complete(asyncio.wait(tasks, timeout=1))
        except Exception:  # noqa: BLE001, S112 - the world is over
            continue
    loop.close()


def _since(floors: dict[tuple[str, str], str], keys: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    kept = {key: since(floors[key], history) if key in floors else history for key, history in keys.items()}
    return {key: history for key, history in kept.items() if any(history.values())}


def _stand(totals: Mapping[Any, Total]) -> dict[Any, tuple[int, int]]:
    return {key: (total.alerts, total.amount) for key, total in sorted(totals.items()) if total.alerts or total.amount}


def _text(value: bytes | None) -> str:
    if value is None:
        return "nothing"
    alert = decode(value)
    observed = None if alert.evidence is None else alert.evidence.observed
    return f"{alert.rule_id} {alert.about.id} {alert.discriminator} ({observed})"


def _first_difference(expected: dict[Any, Any], found: dict[Any, Any]) -> str:
    for key in sorted(expected.keys() | found.keys(), key=str):
        if expected.get(key) != found.get(key):
            one, other = (msgspec.json.encode(each.get(key)).decode() for each in (expected, found))
            return f"{key}: expected {one[:600]}, found {other[:600]}"
    return "nothing"


def play(seed: int, process: type[Process] = Process, theme: str | None = None) -> Outcome:
    """Play one seed."""
    return Simulation(seed, process, theme).run()


if __name__ == "__main__":
    print(play(int(sys.argv[1])))  # noqa: T201
