"""Hypothesis beside a running loop."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any

Do = Callable[[Coroutine[Any, Any, Any]], Any]


async def beside(law: Callable[[Do], None]) -> None:
    """Run a law in a thread of its own; it does what it asks for on this loop, and waits for that."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    failed: list[BaseException] = []

    def do(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    def run() -> None:
        try:
            law(do)
        except BaseException as error:  # It is raised again where the test sees it.
            failed.append(error)
        finally:
            loop.call_soon_threadsafe(ended.set)

    # What simulates Discord keeps its clock in the context.
    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
    await ended.wait()
    if failed:
        raise failed[0]
