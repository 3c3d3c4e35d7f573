"""A process that has imported everything and forks bots: a start costs a fraction of a second.

    python -m tests.crash.nursery

It has no loop, no session and no thread of ours, so that a fork is whole. Each line that it reads is a bot to start,
and each line that it writes says which process began or ended. At the end of its input it ends its bots and itself.
"""

import asyncio
import json
import logging
import os
import select
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

_LOOK_AGAIN_S = 0.005
_LOG = "referee.log"


def main() -> None:
    """Start what is asked for until nobody asks any more."""
    _import_everything()
    asyncio.run(_warm_up())
    children: set[int] = set()
    _tell(ready=True)
    rest = b""
    while True:
        if select.select([0], [], [], _LOOK_AGAIN_S)[0]:
            chunk = os.read(0, 65536)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                children.add(_fork(json.loads(line)))
        _bury(children)
    for child in children:
        os.kill(child, signal.SIGKILL)


def _import_everything() -> None:
    import aiosqlite  # noqa: F401
    import asyncpg  # noqa: F401
    import numpy  # noqa: F401
    import onnxruntime  # noqa: F401
    import sqlalchemy.dialects.postgresql.asyncpg
    import sqlalchemy.dialects.sqlite.aiosqlite  # noqa: F401
    import tokenizers  # noqa: F401
    from alembic import command  # noqa: F401

    import classifier.model  # noqa: F401
    from tests.crash import killing  # noqa: F401


async def _warm_up() -> None:
    """Build and close the parts once: much is imported and compiled at first use only."""
    from bot.assembly import open_parts
    from bot.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite+aiosqlite:///{folder}/referee.db"
        async with open_parts(Settings(_env_file=None, database_url=database, speech=False, threads=1)):
            pass


def _fork(order: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        _tell(began=child, number=order["number"])
        return child
    try:
        _live(order)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _live(order: dict[str, Any]) -> None:
    """Be a bot."""
    from bot.app.run import run
    from bot.settings import read_settings
    from tests.crash.killing import Plan, arm

    folder = Path(order["folder"])
    log = os.open(folder / _LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.chdir(folder)
    os.environ.update(order["environment"])
    arm(Plan(*order["plan"]) if order["plan"] else None)
    _hurry()
    _listen_by_script()
    settings = read_settings()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    asyncio.run(run(settings, _say))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _hurry() -> None:
    """Do not wait two seconds for more servers: this Discord tells of all at once."""
    from discord.state import ConnectionState

    build = ConnectionState.__init__

    def hasty(self: Any, **options: Any) -> None:
        build(self, **{**options, "guild_ready_timeout": 0.02})

    ConnectionState.__init__ = hasty  # type: ignore[method-assign]


def _listen_by_script() -> None:
    """Hear the same in every clip: the speech model is not what is tried here."""
    import bot.assembly
    from tests.crash.hearing import open_scripted

    bot.assembly.open_transcriber = open_scripted  # type: ignore[assignment]


def _bury(children: set[int]) -> None:
    while children:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        children.discard(child)
        _tell(ended=child, code=os.waitstatus_to_exitcode(status))


def _tell(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
