"""Writers take turns, and those who wait at the same moment share one commit.

Waiting for the disk takes longer than most writing does. A writer who is done leaves the transaction open where another
waits for a turn; whoever comes last, or comes when it has been open for long, commits for all. Nobody is told that
something was written before that commit. A writer who fails is undone alone; where the commit fails, all of them fail.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction

LONGEST_S = 0.01
"""How long a transaction is left open for the next: the first of it waits for all of them."""


@dataclass(slots=True, eq=False)
class _Shared:
    """Hold a transaction that several may share; `done` is answered once it is committed or lost."""

    connection: AsyncConnection
    transaction: AsyncTransaction
    lasting: bool
    began: float
    used: bool = False
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Writers:
    """Hand out the one transaction that may write, to one after the other.

    `engines` has one for transactions that survive a power cut (True) and one for those that may be lost.
    """

    def __init__(self, engines: Mapping[bool, AsyncEngine], clock: Callable[[], float] = time.monotonic) -> None:
        self._engines = engines
        self._clock = clock
        self._turn = asyncio.Lock()
        self._wanting = 0
        self._shared: _Shared | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def turn(self, *, lasting: bool) -> AsyncIterator[AsyncConnection]:
        """Write; on the way out wait until it is committed. What is raised inside undoes it."""
        await self._take_turn()
        try:
            shared = await self._opened(lasting=lasting)
        except BaseException:
            self._turn.release()
            raise
        async with self._undone_alone(shared):
            yield shared.connection
        shared.used = True
        self._leave(shared)
        await asyncio.shield(shared.done)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Keep all writers out."""
        await self._take_turn()
        try:
            await self._ended()
            yield
        finally:
            self._turn.release()

    async def _take_turn(self) -> None:
        self._wanting += 1
        try:
            await self._turn.acquire()
        except asyncio.CancelledError:
            self._wanting -= 1
            # Somebody may have left a transaction open for this one alone.
            if self._shared is not None and not self._wanting and not self._turn.locked():
                await self._turn.acquire()
                self._end_soon()
            raise
        self._wanting -= 1

    async def _opened(self, *, lasting: bool) -> _Shared:
        """Return the transaction that is open, or a new one where it would not last as long as it must."""
        if self._shared is not None and lasting and not self._shared.lasting:
            await self._ended()
        if self._shared is None:
            connection = await self._engines[lasting].connect()
            try:
                transaction = await connection.begin()
            except BaseException:
                await connection.close()
                raise
            self._shared = _Shared(connection, transaction, lasting, self._clock())
        return self._shared

    @asynccontextmanager
    async def _undone_alone(self, shared: _Shared) -> AsyncIterator[None]:
        """Undo what is written inside where something is raised; what others wrote before stays, if it can."""
        # Who is first has nobody else to spare.
        savepoint = await self._savepoint(shared) if shared.used else None
        try:
            yield
            if savepoint is not None:
                await savepoint.commit()
        except BaseException as error:
            if savepoint is not None and await _undone(savepoint, shared.connection):
                self._leave(shared)
            else:
                await _through(self._end_soon(error))
            raise

    async def _savepoint(self, shared: _Shared) -> AsyncTransaction:
        try:
            return await shared.connection.begin_nested()
        except BaseException as error:
            await _through(self._end_soon(error))
            raise

    def _leave(self, shared: _Shared) -> None:
        if self._wanting and self._clock() - shared.began < LONGEST_S:
            self._turn.release()
        else:
            self._end_soon()

    def _end_soon(self, error: BaseException | None = None) -> asyncio.Task[None]:
        """End the transaction, and the turn with it, whatever becomes of whoever asks for it."""

        async def end() -> None:
            try:
                await self._end(error)
            finally:
                self._turn.release()

        return self._task(end())

    async def _ended(self) -> None:
        """End the transaction that is open, if any, and keep the turn."""
        await _through(self._task(self._end(None)))

    def _task(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def _end(self, error: BaseException | None) -> None:
        """Commit what is open, or undo it because of an error, and tell everyone who has a part in it."""
        shared, self._shared = self._shared, None
        if shared is None:
            return
        try:
            if error is None:
                await shared.transaction.commit()
            else:
                await shared.transaction.rollback()
        except Exception as failure:  # whatever it is: everyone whose work it was has to hear of it
            error = error or failure
            # It may still be in the transaction, and the next would find itself in there.
            await shared.connection.invalidate(failure)
        finally:
            await shared.connection.close()
            _tell(shared.done, error)


def _tell(done: asyncio.Future[None], error: BaseException | None) -> None:
    if error is None:
        done.set_result(None)
    elif isinstance(error, Exception):
        done.set_exception(error)
        # Where nobody else had a part in it, nobody asks.
        done.exception()
    else:
        done.cancel()


async def _through(task: asyncio.Task[None]) -> None:
    """Wait until a task is through, also where the waiting is cancelled: what comes next must not run beside it."""
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _undone(savepoint: AsyncTransaction, connection: AsyncConnection) -> bool:
    """Undo what was written since a savepoint; tell whether the transaction around it is still good."""
    try:
        await savepoint.rollback()
    except Exception:  # some failures end the whole transaction, and the savepoint with it
        return False
    return not connection.invalidated
