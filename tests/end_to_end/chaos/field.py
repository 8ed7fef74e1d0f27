"""What a campaign strikes: two workers, each behind a proxy of its own, and what they are doing."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tests.end_to_end.chaos.brokers import ProxiedBroker
from tests.end_to_end.chaos.feeder import Feeder
from tests.end_to_end.cluster import PARTITIONS, REBUILT, Cluster, end
from tests.end_to_end.program import ROOT, TOKEN, Worker, eventually, stopped
from topics.catalogue import CLAIMS

WORKERS = 2
SESSION_S = 4.0
PATIENCE_S = 120.0
"""The machine may be busy with other things."""


class Field:
    """A cluster with two workers, facts that flow into it, and lots that decide what happens.

    Args:
        broker: of this campaign alone.
        prefix: of topic names.
        folder: for data folders and logs.
        facts: an NDJSON file.
        lots: decides.
    """

    def __init__(self, broker: ProxiedBroker, prefix: str, folder: Path, facts: Path, lots: random.Random) -> None:
        self.broker = broker
        self.lots = lots
        self.folder = folder
        self.cluster = Cluster(broker.broker.bootstrap_servers, prefix, folder, session_timeout_s=SESSION_S)
        self.slots: list[Worker] = [self.start(slot) for slot in range(WORKERS)]
        self.mounted: set[Path] = set()
        self.wait_for_workers()
        self.feeder = Feeder(facts, self.cluster.where, folder / "play.log")

    # ------------------------------------------------------------------ workers

    def start(self, slot: int) -> Worker:
        """Start the worker of a slot on whatever is in its data folder."""
        return self.cluster.worker(f"worker-{slot}", through=self.broker.proxies[slot].address)

    def restart(self, slot: int) -> None:
        """Put a new worker into the place of one that has ended."""
        assert self.slots[slot].process.poll() is not None
        self.slots[slot] = self.start(slot)

    def any_slot(self) -> int:
        """One of them, by lot."""
        return self.lots.randrange(WORKERS)

    def state(self, slot: int) -> Path:
        """Where a worker keeps its local state."""
        return self.slots[slot].data / "state"

    def stores(self, slot: int) -> list[Path]:
        """The files of its local state."""
        return sorted(self.state(slot).glob("*/data.mdb"))

    def empty(self, slot: int) -> None:
        """Take its local state away (its folder may be a mount point)."""
        for folder in self.state(slot).iterdir():
            shutil.rmtree(folder)

    def wait_for_workers(self, *guests: Worker) -> None:
        """Wait until those of the slots (and guests) share all partitions, nobody else has any, and all are open."""

        def shared() -> bool:
            owned = self.cluster.owned()
            wanted = {worker.url for worker in (*self.slots, *guests)}
            claims = [tp for tps in owned.values() for tp in tps if tp[0] == self.cluster.prefix + CLAIMS]
            return wanted == {url for url, tps in owned.items() if tps} and len(claims) == PARTITIONS

        def settled() -> bool:
            """Twice, so that nothing that has just begun is taken for its end."""
            if not shared():
                return False
            time.sleep(0.5)
            self.cluster.wait_ready(PATIENCE_S)
            return shared()

        eventually(settled, PATIENCE_S, "all workers share the partitions", self.cluster.logs)

    # ------------------------------------------------------------------ work under way

    def partitions(self, worker: Worker) -> set[tuple[str, int]]:
        """The partitions of stage one that a worker owns."""
        owned = self.cluster.owned().get(worker.url, set())
        return {tp for tp in owned if tp[0] == self.cluster.prefix + CLAIMS}

    def wait_for_partitions(self, worker: Worker) -> set[tuple[str, int]]:
        """Wait until a worker owns some; gives them."""
        eventually(lambda: bool(self.partitions(worker)), PATIENCE_S, "it takes part", worker.log_tail)
        return self.partitions(worker)

    def unacknowledged(self, partitions: Iterable[tuple[str, int]] | None = None) -> int:
        """Facts of partitions (None: all) that were written and not acknowledged."""
        lags = self.cluster.lag(self.cluster.prefix + CLAIMS)
        wanted = None if partitions is None else set(partitions)
        return sum(lag for tp, lag in lags.items() if wanted is None or tuple(tp) in wanted)

    def freeze(self, worker: Worker) -> int:
        """Stop a worker at whatever it is doing, and wait until facts of its own wait; gives how many."""
        owned = self.wait_for_partitions(worker)
        os.kill(worker.child, signal.SIGSTOP)
        return self.wait_for_work(owned)

    def wait_for_work(self, partitions: Iterable[tuple[str, int]] | None = None) -> int:
        """Wait until facts of partitions are not acknowledged; gives how many."""
        found = 0

        def some() -> bool:
            nonlocal found
            found = self.unacknowledged(partitions)
            return found > 0

        eventually(some, PATIENCE_S, "facts are not acknowledged", self.cluster.logs)
        return found

    def wait_for_takeover(self, partitions: Iterable[tuple[str, int]], *, without: Worker) -> None:
        """Wait until others own partitions and have judged everything that was in them when they took over."""
        wanted = set(partitions)

        def taken() -> bool:
            owned = self.cluster.owned()
            others = set().union(*(tps for url, tps in owned.items() if url != without.url))
            return wanted <= others

        eventually(taken, PATIENCE_S, "others have taken over", self.cluster.logs)
        ends = {tp: end for tp, end in self.cluster.ends(self.cluster.prefix + CLAIMS).items() if tuple(tp) in wanted}

        def judged() -> bool:
            done = self.cluster.committed()
            return all(done.get(tp, 0) >= end for tp, end in ends.items())

        eventually(judged, PATIENCE_S, "others have judged what was left", self.cluster.logs)

    # ------------------------------------------------------------------ chosen points

    def stopping(self, slot: int, point: str, action: str) -> "StoppingWorker":
        """Put a worker into a slot that ends or freezes itself at a point; the former one leaves first."""
        former = self.slots[slot]
        end(former)
        config = {
            "bootstrap": self.broker.proxies[slot].address,
            "prefix": self.cluster.prefix,
            "group": self.cluster.group,
            "data": str(former.data),
            "point": point,
            "action": action,
            "batch": 1,
            "session_timeout": SESSION_S,
        }
        worker = StoppingWorker(former.data, config)
        self.slots[slot] = worker
        self.cluster.workers.append(worker)
        return worker

    def close(self) -> None:
        """Kill what still runs and take mounts away."""
        self.feeder.kill()
        self.cluster.clean_up()
        for folder in self.mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


class StoppingWorker(Worker):
    """A process of `stopping_worker`: without a supervisor, so that it ends for good where it was told to."""

    def __init__(self, data: Path, config: dict[str, object]) -> None:
        self.data = data
        self.log = data.with_name(f"{data.name}.log")
        self._config = config
        self._start()

    def _start(self) -> None:
        self._said = self.log.stat().st_size
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.end_to_end.stopping_worker", json.dumps(self._config)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=os.environ | {"CLAIMS_MONITOR_TOKEN": TOKEN},
            )

    @property
    def child(self) -> int:
        """It judges itself."""
        return self.process.pid

    def _ended(self) -> bool:
        """Whether it has; where it met a bit that a strike before turned over, it is started again."""
        ended = self.process.poll() is not None
        if ended and REBUILT in self.log.read_bytes()[self._said :].decode(errors="replace"):
            self._start()
            return False
        return ended

    def wait_for_end(self) -> None:
        """Wait until it has killed itself."""
        eventually(self._ended, PATIENCE_S, "it reaches the point", self.log_tail)
        assert self.process.returncode == -signal.SIGKILL, self.log_tail()

    def wait_for_freeze(self) -> None:
        """Wait until it has frozen itself."""
        eventually(
            lambda: not self._ended() and stopped(self.process.pid), PATIENCE_S, "it reaches the point", self.log_tail
        )

    def wake(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)
