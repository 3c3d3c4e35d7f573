import asyncio
import re

from bot.domain import Outcome, Platform
from tests.fakes.chat import LATER

PROGRAM = """
import asyncio, os, sys
from datetime import UTC, datetime
from bot.domain import Action, Decision, Incident, Mode, Outcome, Platform, SourceKey
from bot.store import open_store

def incident(message):
    decision = Decision(Action.DELETE, Action.DELETE, Mode.LIVE, "insult", 0.9, ("why",), True)
    key = SourceKey(Platform.LOG, "arena", "lobby", message)
    at = datetime(2024, 5, 1, tzinfo=UTC)
    return Incident(key, "ann", at, "text", decision, 0.9, {"insult": 0.9}, "v1", outcome=Outcome.PENDING)

async def record_and_die(store):
    await store.record(incident("m1"))
    os._exit(9)

async def race(store):
    recorded = [await store.record(incident(f"m{n}")) for n in range(20)]
    print("created", sum(entry.created for entry in recorded), flush=True)
    await store.close()

async def main(url, what):
    await globals()[what](await open_store(url, busy_timeout_s=30))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_what_was_recorded_before_a_kill_is_pending_at_the_next_start(opened, child, url):
    status, output = await child(PROGRAM, url, "record_and_die")
    assert status == 9, output
    store = await opened()
    (left,) = await store.pending(Platform.LOG, LATER)
    assert (left.id, left.text, left.outcome) == (1, "text", Outcome.PENDING)


async def test_processes_racing_from_a_first_start_share_one_key_and_store_each_message_once(opened, child, first_url):
    outputs = await asyncio.gather(*(child(PROGRAM, first_url, "race") for _ in range(3)))
    created = [int(found[1]) for _, output in outputs if (found := re.search(r"created (\d+)", output))]
    assert (len(created), sum(created)) == (3, 20), outputs
    store = await opened(url=first_url)
    assert [incident.text for incident in await store.pending(Platform.LOG, LATER)] == ["text"] * 20
