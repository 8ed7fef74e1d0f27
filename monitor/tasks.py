"""Background tasks whose exceptions are not lost."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

_running: set[asyncio.Task[Any]] = set()


def spawn(
    coroutine: Coroutine[Any, Any, T], name: str, on_error: Callable[[BaseException], None] | None = None
) -> asyncio.Task[T]:
    """Start a task, keep it alive until it ends, and report its exception.

    Args:
        coroutine: what to run.
        name: shown in logs and debuggers.
        on_error: called with the exception when the task fails; without it the exception is logged.
    """
    task = asyncio.create_task(coroutine, name=name)  # noqa: TID251 - the one place
    _running.add(task)

    def done(ended: asyncio.Task[T]) -> None:
        _running.discard(ended)
        if ended.cancelled():
            return
        error = ended.exception()
        if error is None:
            return
        if on_error is not None:
            on_error(error)
        else:
            log.error("background task %s failed", name, exc_info=error)

    task.add_done_callback(done)
    return task
