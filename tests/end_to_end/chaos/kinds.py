"""How a campaign can strike. Each returns how many facts were written and not acknowledged at that moment."""

import os
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.end_to_end.chaos.field import PATIENCE_S, SESSION_S, WORKERS, Field
from tests.end_to_end.cluster import end
from tests.end_to_end.program import eventually
from tests.end_to_end.stopping_worker import POINTS
from tests.facts import at, encoded, settlement
from topics.catalogue import CLAIMS
from topics.times import parse_time, to_record_time

_REFUSED = 78
_DISK_BYTES = 64 << 20


class CannotStrike(Exception):
    """This kind is not possible on this machine."""


@dataclass(frozen=True)
class Kind:
    """A way to strike.

    Attributes:
        strike: does it, and brings back what is needed to go on.
        kills: whether a process is killed -9 by it.
    """

    strike: Callable[[Field], int]
    kills: bool


# ---------------------------------------------------------------------- workers


def kill_child(field: Field) -> int:
    """The process that judges is killed; its supervisor starts another one."""
    worker = field.slots[field.any_slot()]
    found = field.freeze(worker)
    worker.kill_child()
    return found


def kill(field: Field, between: Callable[[Field, int], None] = lambda _field, _slot: None) -> int:
    """Supervisor and child are killed; another worker begins with what they left, or what was made of it."""
    slot = field.any_slot()
    found = field.freeze(field.slots[slot])
    field.slots[slot].kill()
    between(field, slot)
    field.restart(slot)
    return found


def damage(spoil: Callable[[Path, random.Random], None], field: Field, slot: int) -> None:
    """Spoil every store of a worker."""
    stores = field.stores(slot)
    assert stores
    for store in stores:
        spoil(store, field.lots)


def truncate(store: Path, lots: random.Random) -> None:
    """Cut a file off somewhere."""
    os.truncate(store, lots.randrange(store.stat().st_size))


def flip_bit(store: Path, lots: random.Random) -> None:
    """Turn one bit of a file over."""
    content = bytearray(store.read_bytes())
    used = [number for number in range(0, len(content), 64) if any(content[number : number + 64])]
    place = lots.choice(used) + lots.randrange(64)
    content[place] ^= 1 << lots.randrange(8)
    store.write_bytes(content)


def stop_cleanly(field: Field) -> int:
    """SIGTERM; another worker begins with what was left."""
    slot = field.any_slot()
    found = field.wait_for_work(field.wait_for_partitions(field.slots[slot]))
    end(field.slots[slot])
    field.restart(slot)
    return found


def join(field: Field, *, killed: bool) -> int:
    """One more worker comes, takes partitions, and leaves or is killed."""
    guest = field.cluster.worker("guest", through=field.lots.choice(field.broker.proxies).address)
    field.wait_for_workers(guest)
    if killed:
        found = field.freeze(guest)
        guest.kill()
    else:
        found = field.wait_for_work(field.wait_for_partitions(guest))
        end(guest)
    return found


def kill_at(point: str, field: Field) -> int:
    """A worker is killed at this point of a batch with alerts and contributions."""
    slot = field.any_slot()
    worker = field.stopping(slot, point, "kill")
    with field.feeder.quickly():
        worker.wait_for_end()
    found = field.wait_for_work()
    field.restart(slot)
    return found


def freeze_at(point: str, field: Field) -> int:
    """A worker freezes there, others finish its work, then it wakes: it must change nothing any more."""
    slot = field.any_slot()
    worker = field.stopping(slot, point, "freeze")
    owned = field.wait_for_partitions(worker)
    with field.feeder.quickly():
        worker.wait_for_freeze()
    found = field.wait_for_work(owned)
    field.wait_for_takeover(owned, without=worker)
    said = worker.log.stat().st_size
    worker.wake()

    def come_to_its_senses() -> bool:
        return worker.process.poll() is not None or bool(field.partitions(worker))

    eventually(come_to_its_senses, PATIENCE_S, "it ends, or takes part again", worker.log_tail)
    if point in {"before-send", "before-commit"}:  # its batch is not committed: only the fence can have stopped it
        eventually(lambda: worker.process.poll() is not None, PATIENCE_S, "it ends", worker.log_tail)
        assert "was fenced by a later one" in worker.log.read_bytes()[said:].decode(errors="replace")
    elif worker.process.poll() is None:
        worker.stop()
    field.restart(slot)
    return found


# ---------------------------------------------------------------------- broker and network


def kill_broker(field: Field) -> int:
    """The broker is killed, and started again after up to twice the session timeout."""
    found = field.wait_for_work()
    field.broker.broker.kill()
    time.sleep(field.lots.uniform(0, 2 * SESSION_S))
    field.broker.broker.start()
    return found


def cut_connections(field: Field) -> int:
    """All connections of the workers are reset, several times."""
    found = field.wait_for_work()
    for _ in range(6):
        for proxy in field.broker.proxies:
            proxy.cut()
        time.sleep(field.lots.uniform(0.1, 1.0))
    return found


def delay(field: Field) -> int:
    """Whatever workers and broker send each other takes long, now this long, now that long."""
    found = field.wait_for_work()
    one, other = field.broker.proxies
    for _ in range(4):
        with one.slow(field.lots.uniform(0, 0.6)), other.slow(field.lots.uniform(0, 0.6)):
            time.sleep(2)
    return found


def cut_off(field: Field) -> int:
    """Nothing passes between a worker and the broker until others have done its work; then all of it arrives."""
    slot = field.any_slot()
    worker = field.slots[slot]
    owned = field.wait_for_partitions(worker)
    with field.broker.proxies[slot].closed():
        found = field.wait_for_work(owned)
        field.wait_for_takeover(owned, without=worker)
    return found


def restart_on_markers(field: Field) -> int:
    """All workers leave; the group's offsets are set back onto transaction markers, and an aborted fact lies ahead."""
    for worker in field.slots:
        end(worker)
    now = to_record_time(parse_time(at(0)))
    field.cluster.abort(
        CLAIMS,
        [
            (b"P-ABORTED", value, now)
            for value in encoded(
                settlement(f"ABORTED-{number}", psn_no="P-ABORTED", setl_time=at(0)) for number in range(9)
            )
        ],
    )
    assert field.cluster.set_back_onto_markers(field.cluster.contributions) > 0, "markers lie there"
    found = field.wait_for_work()
    for slot in range(WORKERS):
        field.restart(slot)
    return found


# ---------------------------------------------------------------------- disks


def fill_disk(field: Field) -> int:
    """The disk of a worker's state is full in mid-stream: it says so and ends; with room again it goes on."""
    slot = field.any_slot()
    state = field.state(slot)
    if state not in field.mounted:
        end(field.slots[slot])
        field.empty(slot)
        options = ["-t", "tmpfs", "-o", f"size={_DISK_BYTES}"]
        mounted = subprocess.run(["mount", *options, "tmpfs", str(state)], capture_output=True, check=False)
        if mounted.returncode:
            field.restart(slot)
            raise CannotStrike("a small disk can be mounted by root only")
        field.mounted.add(state)
        field.restart(slot)
        field.wait_for_workers()
    worker = field.slots[slot]
    said = worker.log.stat().st_size
    found = field.freeze(worker)
    filler = state / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while stream.write(bytes(4096)):
                pass
        except OSError:
            pass
    worker.resume_child()
    with field.feeder.quickly():
        eventually(lambda: worker.process.poll() is not None, PATIENCE_S, "it notices", worker.log_tail)
    assert worker.process.returncode == _REFUSED, worker.log_tail()
    assert "is the disk full?" in worker.log.read_bytes()[said:].decode(errors="replace")
    filler.unlink()
    field.restart(slot)
    return found


KINDS: dict[str, Kind] = {
    "worker killed": Kind(kill_child, kills=True),
    "worker and supervisor killed": Kind(kill, kills=True),
    "killed, state deleted": Kind(partial(kill, between=Field.empty), kills=True),
    "killed, state truncated": Kind(partial(kill, between=partial(damage, truncate)), kills=True),
    "killed, a bit of the state flipped": Kind(partial(kill, between=partial(damage, flip_bit)), kills=True),
    "joined and killed": Kind(partial(join, killed=True), kills=True),
    **{f"killed {point}": Kind(partial(kill_at, point), kills=True) for point in POINTS},
    "broker killed": Kind(kill_broker, kills=True),
    **{f"frozen {point}, woken later": Kind(partial(freeze_at, point), kills=False) for point in POINTS},
    "SIGTERM": Kind(stop_cleanly, kills=False),
    "joined and left": Kind(partial(join, killed=False), kills=False),
    "connections cut": Kind(cut_connections, kills=False),
    "connections delayed": Kind(delay, kills=False),
    "cut off, back later": Kind(cut_off, kills=False),
    "restart on transaction markers": Kind(restart_on_markers, kills=False),
    "disk full": Kind(fill_disk, kills=False),
}
