"""What happens when: requests under way, faults, and everything that the workers do not decide themselves."""

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar, cast

from tests.simulation.broker import Broker, Busy, Group

if TYPE_CHECKING:
    from tests.simulation.process import Process

T = TypeVar("T")

Mode = Literal["raise", "kill", "stall"]
Phase = Literal["before", "after"]

POINTS: Final = ("compute", "send", "changelog", "commit", "state", "acknowledgement")
MODES: Final[tuple[Mode, ...]] = ("raise", "kill", "stall")
MOST_STEPS: Final = 10_000
"""Several times as many as nearly any seed takes; a pipeline that does not settle is found out soon."""

current: "contextvars.ContextVar[Process]" = contextvars.ContextVar("process")
"""The simulated process whose code is running."""


class Killed(BaseException):
    """The simulated process is dead; its code runs no further."""


class Injected(Exception):
    """A fault that the plan asked for."""


class DidNotSettle(Exception):
    """After so many steps there is still work to be done."""


class Fault(NamedTuple):
    """Something that goes wrong when a step is reached for the nth time, in whichever process."""

    point: str
    mode: Mode
    phase: Phase
    nth: int


@dataclass(eq=False)
class Request:
    """A call to the broker: it arrives there, then its answer arrives here; each may take any time."""

    process: "Process"
    point: str
    effect: Callable[[], Any]
    ready: Callable[[], bool] | None
    answer: "asyncio.Future[Any]"
    sent: bool = False
    done: bool = False
    result: Any = None
    error: Exception | None = None

    def settle(self) -> None:
        """Give the answer."""
        if self.answer.done():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)


@dataclass
class World:
    """Broker, group, requests and the plan of faults.

    Attributes:
        chance: decides everything.
        slow_point: requests that take much longer than others.
        log: what happened, for people.
    """

    chance: Random
    broker: Broker
    group: Group
    faults: list[Fault]
    loop: asyncio.AbstractEventLoop | None = None
    processes: "list[Process]" = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    slow_point: str | None = None
    steps: int = 0
    most_steps: int = MOST_STEPS
    log: list[str] = field(default_factory=list)
    reached: dict[tuple[str, str], int] = field(default_factory=dict)
    struck: list[Fault] = field(default_factory=list)
    events: Callable[[], list[tuple[float, Callable[[], None]]]] = list
    over: Callable[[], bool] = lambda: False

    # ------------------------------------------------------------------ requests

    async def call(
        self,
        process: "Process",
        point: str,
        effect: Callable[[], T],
        ready: Callable[[], bool] | None = None,
    ) -> T:
        """Ask the broker for something; `ready` tells when it would answer at all."""
        if process.dead:
            raise Killed
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        request = Request(process, point, effect, ready, answer)
        self.requests.append(request)
        return cast("T", await answer)

    def at(self, point: str, phase: Phase) -> None:
        """Code of a process has come to a point between two requests."""
        process = current.get()
        if process.dead:
            raise Killed
        mode = self._due(point, phase, process)
        if mode == "raise":
            raise Injected(f"{point} ({phase})")
        if mode == "kill":
            self.kill(process)
            raise Killed
        if mode == "stall":
            self.freeze(process)

    def _due(self, point: str, phase: Phase, process: "Process") -> Mode | None:
        key = point, phase
        count = self.reached[key] = self.reached.get(key, 0) + 1
        for fault in self.faults:
            if fault.point == point and fault.phase == phase and fault.nth == count:
                self.struck.append(fault)
                self.note(f"{process.name}: {fault.mode} {phase} {point} no. {count}")
                return fault.mode
        return None

    # ------------------------------------------------------------------ one step

    def step(self) -> bool:
        """Make one thing happen; tells whether there was any."""
        self.steps += 1
        if self.steps > self.most_steps:
            raise DidNotSettle(f"{len(self.requests)} requests: {self.requests[:3]}")
        possible = [request for request in list(self.requests) if self._possible(request)]
        quick = [request for request in possible if request.point != self.slow_point]
        if quick and self.chance.random() < 0.9:
            possible = quick
        events = self.events()
        if not possible and not events:
            return False
        if events and (not possible or self.chance.random() < 0.3):
            self.chance.choices([act for _, act in events], [weight for weight, _ in events])[0]()
        else:
            self._advance(self.chance.choice(possible))
        return True

    def _possible(self, request: Request) -> bool:
        process = request.process
        if request.answer.cancelled() and not request.sent:
            self.requests.remove(request)
            return False
        if process.dead or process.frozen:
            return request.sent and not request.done
        return request.ready is None or request.done or request.ready()

    def _advance(self, request: Request) -> None:  # noqa: C901 - the fates of one request side by side
        process = request.process
        if not request.done:
            if not request.sent:
                mode = self._due(request.point, "before", process)
                if mode == "kill":
                    return self.kill(process)
                if mode == "stall":
                    return self.freeze(process)
                if mode == "raise":
                    request.error = Injected(f"before {request.point}")
                    request.done = True
                elif self.chance.random() < 0.3:
                    request.sent = True  # under way: it arrives later, whatever becomes of the process
                    return None
            if not request.done:
                try:
                    request.result = request.effect()
                except Busy:
                    return None
                except Exception as error:  # noqa: BLE001 - the broker's refusal is the answer
                    request.error = error
                request.done = True
                if process.dead:
                    self.requests.remove(request)
                    return None
                mode = None if process.frozen else self._due(request.point, "after", process)
                if mode == "kill":
                    return self.kill(process)
                if mode == "stall":
                    return self.freeze(process)
                if mode == "raise":
                    request.error = Injected(f"after {request.point}")
            if process.frozen or self.chance.random() < 0.3:
                return None  # the answer takes a while
        self.requests.remove(request)
        request.settle()
        return None

    # ------------------------------------------------------------------ processes

    def kill(self, process: "Process") -> None:
        """End a process as kill -9 does: what it sent may still arrive, nothing else of it happens."""
        if process.dead:
            return
        if not process.ended:
            self.note(f"{process.name} is killed")
        process.dead = True
        process.frozen = False
        for request in [each for each in self.requests if each.process is process]:
            if request.done or not (request.sent or self.chance.random() < 0.2):
                self.requests.remove(request)
            else:
                request.sent = True
        for task in process.tasks:
            task.cancel()

    def freeze(self, process: "Process") -> None:
        """Stop a process as SIGSTOP does."""
        if not process.dead and not process.frozen:
            self.note(f"{process.name} is frozen")
            process.frozen = True

    def thaw(self, process: "Process") -> None:
        """Let it go on."""
        self.note(f"{process.name} wakes up")
        process.frozen = False

    def note(self, what: str) -> None:
        """Remember what happened."""
        self.log.append(f"{self.steps}: {what}")
