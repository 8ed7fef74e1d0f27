"""An event loop without time or sockets: when no task can go on, the simulation takes its next step."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, Final

STEP_S: Final = 0.001
"""So much time passes with each step of the simulation; only pauses of the code under test notice."""


class Stuck(Exception):
    """Nothing can go on, and the simulation is not over."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs tasks in the order in which they become ready.

    Args:
        step: called when no task is ready; tells whether it made anything happen.
        on_task: called with every new task.
    """

    def __init__(self, step: Callable[[], bool], on_task: Callable[["asyncio.Task[Any]"], None]) -> None:
        super().__init__()
        self._passed = 0.0
        self._step = step
        self._on_task = on_task
        self._selector = self
        self.set_task_factory(self._new_task)  # type: ignore[arg-type]  # takes more than it must

    def time(self) -> float:
        """Simulated seconds."""
        return self._passed

    def _waiting(self) -> bool:
        return bool(self.__dict__["_ready"])

    def select(self, timeout: float | None) -> list[Any]:
        """Take the place of waiting for sockets."""
        if timeout == 0:
            return []
        if self._step():
            self._passed += STEP_S
        elif timeout is None and not self._waiting():
            raise Stuck("no task can go on")
        elif timeout is not None and not self._waiting():
            self._passed += timeout
        return []

    def run_in_executor(  # type: ignore[override]  # no executor: the work is done at once
        self,
        executor: Any,  # noqa: ARG002, ANN401
        func: Callable[..., Any],
        *args: Any,  # noqa: ANN401
    ) -> "asyncio.Future[Any]":
        """Do blocking work here and now."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - handed on to whoever waits
            future.set_exception(error)
        return future

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nothing has to be woken."""

    def _new_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any],
        context: contextvars.Context | None = None,
        **named: Any,  # noqa: ANN401
    ) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, context=context, **named)
        run = context.run if context is not None else lambda call, *args: call(*args)
        run(self._on_task, task)
        return task
