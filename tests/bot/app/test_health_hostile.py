"""What strangers may do to the port of the metrics: nothing that the bot would notice."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.app.health import health_served, is_loopback
from bot.app.metrics import Metrics
from bot.app.observation import Gateway, Kept, Observation
from bot.app.pulse import GatewayPulse
from bot.errors import SettingsError
from bot.latency import Latency
from bot.metered import Meters
from bot.settings import Settings
from bot.tally import Tally
from tests.bot.app.asked import Said, ask, free_port

NASTY = 'in"sult\\\nreferee_ready 7 # \ud800 {}'


@asynccontextmanager
async def served(host: str = "127.0.0.1") -> AsyncIterator[int]:
    port = free_port()
    async with health_served(Settings(_env_file=None, status_port=port, status_host=host)):  # type: ignore[call-arg]
        yield port


async def raw(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        await writer.drain()
        async with asyncio.timeout(15):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_it_can_only_be_read(method: str) -> None:
    async with served() as port:
        said = await ask(port, "/healthz", method)

        assert (said.status, said.headers["Allow"]) == (405, "GET, HEAD")


async def test_the_head_of_an_answer_can_be_had_without_its_body() -> None:
    async with served() as port:
        said = await ask(port, "/healthz", "HEAD")

        assert (said.status, said.body) == (200, "")


@pytest.mark.parametrize(
    "path", ["/", "/metrics/", "//metrics", "/METRICS", "/../metrics", "/.env", "/healthz%2f", "/debug/pprof", "/%00"]
)
async def test_there_is_nothing_else_to_find(path: str) -> None:
    async with served() as port:
        status = await raw(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

        assert status.split(b" ")[1] in (b"404", b"400")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"idiot" * 20_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Many: idiot\r\n" * 5_000 + b"\r\n",
        b"GET /" + b"idiot" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"idiot\x00\xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET http://[idiot/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: idiot\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nidiot\r\n",
    ],
    ids=["long", "many", "path", "binary", "tls", "url", "version", "length", "chunks"],
)
async def test_what_cannot_be_read_is_refused_in_words_that_tell_nothing(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with served() as port:
        answered = (await raw(port, sent)).lower()

        assert b"idiot" not in answered
        assert b"python" not in answered
        assert b"aiohttp" not in answered
        assert not answered or b"server: referee" in answered
        assert "idiot" not in caplog.text
        assert (await ask(port, "/healthz")).status == 200


async def test_a_crowd_of_slow_clients_takes_a_bounded_number_of_places_and_none_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.app.status_server._CONNECTION_S", 0.5)
    async with served() as port:
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        for _, writer in crowd:
            writer.write(b"GET /metr")
        async with asyncio.timeout(15):
            # Those that are too many are cut at once, the others soon.
            ends = await asyncio.gather(*(ended(reader) for reader, _ in crowd))
        for _, writer in crowd:
            writer.close()

        assert set(ends) <= {b""}
        assert (await ask(port, "/healthz")).status == 200


async def ended(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_a_client_that_asks_and_never_reads_holds_nothing_up() -> None:
    async with served() as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)

        assert (await ask(port, "/metrics")).status == 200
        writer.close()


async def test_before_there_is_a_bot_it_says_what_is_missing_and_shows_what_there_is() -> None:
    async with served() as port:
        ready, metrics = await ask(port, "/readyz"), await ask(port, "/metrics")

        assert ready.status == 503
        assert ready.told == {"ready": False, "missing": ["model: it is being loaded"]}
        assert metrics.value("referee_ready") == 0
        assert "referee_messages_seen_total" not in metrics.body


async def test_a_process_that_stands_by_is_alive_and_not_ready() -> None:
    port = free_port()
    async with health_served(Settings(_env_file=None, status_port=port)) as health:  # type: ignore[call-arg]
        health.stage("watch: another process watches")

        assert (await ask(port, "/healthz")).status == 200
        assert (await ask(port, "/readyz")).told["missing"] == ["watch: another process watches"]


async def test_it_listens_on_the_given_address_alone() -> None:
    async with served("127.0.0.2") as port:
        assert (await ask(port, "/healthz", host="127.0.0.2")).status == 200
        with pytest.raises(OSError, match="Connect call failed"):
            await ask(port, "/healthz")


async def test_an_address_that_others_may_reach_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    async with served("0.0.0.0"):  # noqa: S104 - that is what is warned of
        assert "REFEREE_STATUS_HOST is not a loopback address" in caplog.text


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.1", "not a host", "a" * 300])
async def test_an_address_that_is_not_of_this_machine_is_an_error_that_names_it(host: str) -> None:
    with pytest.raises(SettingsError, match=r"REFEREE_STATUS_PORT: .* cannot be listened on"):
        async with served(host):
            pass


async def test_without_a_port_nothing_listens() -> None:
    async with health_served(Settings(_env_file=None)) as health:  # type: ignore[call-arg]
        assert health.pulse.lag.sum == 0


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("example.org", False)],  # noqa: S104
)
def test_which_addresses_only_this_machine_reaches(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def observation(**changes: object) -> Observation:
    usual: dict[str, object] = {
        "missing": (),
        "lag": Latency(),
        "model_version": "m-1",
        "tally": Tally(),
        "meters": Meters(),
        "deciding": Latency(),
        "waiting": 0,
        "oldest_wait_s": 0.0,
        "speech": None,
        "gateway": Gateway(True, None, None, 1, 0, 0, 0),
        "is_database_up": True,
        "database_bytes": None,
        "database_failures": 0,
        "kept": Kept(),
        "communities": 1,
        "braked": 0,
    }
    return Observation(**{**usual, **changes})  # type: ignore[arg-type]


def test_names_that_an_operator_gave_cannot_make_metrics_up() -> None:
    tally = Tally(flagged=Counter({NASTY: 3}), not_scored=Counter({NASTY: 2}))

    page = Metrics().text(observation(tally=tally, model_version=NASTY)).decode()
    said = Said(200, {}, page)

    assert said.value("referee_ready") == 1
    assert said.value("referee_messages_flagged_total", category=NASTY.replace("\ud800", "?")) == 3


def test_a_histogram_counts_each_duration_in_every_bucket_that_holds_it() -> None:
    deciding = Latency()
    for seconds in (0.005, 0.1, 0.2, 7.0, 1000.0, -3.0):
        deciding.note(seconds)

    said = Said(200, {}, Metrics().text(observation(deciding=deciding)).decode())

    counts = {le: said.value("referee_decision_latency_seconds_bucket", le=le) for le in ("0.005", "0.1", "0.25")}
    assert counts == {"0.005": 2, "0.1": 3, "0.25": 4}
    assert said.value("referee_decision_latency_seconds_bucket", le="10.0") == 5
    assert said.value("referee_decision_latency_seconds_bucket", le="+Inf") == 6
    assert said.value("referee_decision_latency_seconds_count") == 6
    assert said.value("referee_decision_latency_seconds_sum") == pytest.approx(1007.305)


def test_every_metric_is_named_as_prometheus_wants_it() -> None:
    page = Metrics().text(observation(speech=None)).decode()

    kinds = dict(line.split(" ")[2:4] for line in page.splitlines() if line.startswith("# TYPE referee_"))
    assert len(kinds) > 30
    for name, kind in kinds.items():
        assert name.endswith("_total") == (kind == "counter"), name
        assert not name.endswith(("_ms", "_mb", "_minutes")), name


def test_the_pulse_knows_a_session_from_a_mere_connection() -> None:
    pulse = GatewayPulse()
    for event in ("connect", "socket_event_type", "ready", "disconnect", "disconnect", "connect", "resumed"):
        pulse.note(event)

    assert (pulse.sessions, pulse.resumes, pulse.disconnects, pulse.events) == (1, 1, 1, 1)
    assert pulse.is_connected
