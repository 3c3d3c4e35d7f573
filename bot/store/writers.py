"""Writers take turns, and those who wait at the same moment share one commit.

Waiting for the disk takes longer than most writing does. A writer who is done leaves the transaction open where another
waits for a turn; whoever comes last, or comes when it has been open for long, commits for all. Nobody is told that
something was written before that commit. A writer who fails is undone alone; where the commit fails, all of them fail.
What is urgent comes first, and is not kept waiting for what is not: an incident is written before anything is done.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction

from bot.store.turns import Turns

LONGEST_S = 0.01
"""How long a transaction is left open for the next: the first of it waits for all of them."""


@dataclass(slots=True, eq=False)
class Shared:
    """Hold a transaction that several may share; `done` is answered once it is committed or lost.

    `asked` is what was asked in it before anything was written, and need not be asked again: nobody else writes now.
    """

    connection: AsyncConnection
    transaction: AsyncTransaction
    lasting: bool
    began: float
    used: bool = False
    urgent: bool = False
    asked: set[str] = field(default_factory=set)
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Writers:
    """Hand out the one transaction that may write, to one after the other.

    `engines` has one for transactions that survive a power cut (True) and one for those that may be lost.
    """

    def __init__(self, engines: Mapping[bool, AsyncEngine], clock: Callable[[], float] = time.monotonic) -> None:
        self._engines = engines
        self._clock = clock
        self._turns = Turns(self._missed)
        self._shared: Shared | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def turn(self, *, lasting: bool, urgent: bool = False) -> AsyncIterator[Shared]:
        """Write; on the way out wait until it is committed. What is raised inside undoes it."""
        await self._turns.take(urgent=urgent)
        try:
            shared = await self._opened(lasting=lasting)
        except BaseException:
            self._turns.pass_on()
            raise
        async with self._undone_alone(shared):
            yield shared
        shared.used = True
        shared.urgent |= urgent
        self._leave(shared)
        await asyncio.shield(shared.done)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Keep all writers out."""
        await self._turns.take(urgent=False)
        try:
            await self._ended()
            yield
        finally:
            self._turns.pass_on()

    def _missed(self) -> None:
        """Go on where somebody gave up at the moment of getting the turn."""
        # A transaction may have been left open for this one.
        if self._shared is None:
            self._turns.pass_on()
        else:
            self._leave(self._shared)

    async def _opened(self, *, lasting: bool) -> Shared:
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
            self._shared = Shared(connection, transaction, lasting, self._clock())
        return self._shared

    @asynccontextmanager
    async def _undone_alone(self, shared: Shared) -> AsyncIterator[None]:
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

    async def _savepoint(self, shared: Shared) -> AsyncTransaction:
        try:
            return await shared.connection.begin_nested()
        except BaseException as error:
            await _through(self._end_soon(error))
            raise

    def _leave(self, shared: Shared) -> None:
        wanted = self._turns.waits(urgent=True if shared.urgent else None)
        if wanted and self._clock() - shared.began < LONGEST_S:
            self._turns.pass_on()
        else:
            self._end_soon()

    def _end_soon(self, error: BaseException | None = None) -> asyncio.Task[None]:
        """End the transaction, and the turn with it, whatever becomes of whoever asks for it."""

        async def end() -> None:
            try:
                await self._end(error)
            finally:
                self._turns.pass_on()

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
