import asyncio
import gzip
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain import Clip
from bot.errors import ClipRejected, SettingsError
from bot.fetch import DISCORD_HOSTS, AllowedHost, ClipFetcher, parse_hosts

MOST = 1 << 20
SIGNATURE = "ex=68&is=67&hm=c0ffee"
DISCORD = parse_hosts(",".join(DISCORD_HOSTS))

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Cdn:
    """Serve attachments on loopback, one given answer after the other, the last one for good."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [plain(b"sound")]
        self.requests: list[web.Request] = []
        self.open = self.most_open = self.sent = 0
        self.go_on = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.server = TestServer(app)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            return await (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(request)
        finally:
            self.open -= 1

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/attachments/1/2/voice-message.ogg?{SIGNATURE}"

    async def endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"\0" * 65_536)
            self.sent += 65_536

    async def stuck(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "9"})
        await response.prepare(request)
        await response.write(b"so")
        await self.go_on.wait()
        await response.write(b"me sound")
        return response


def plain(body: bytes, status: int = 200, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers=named)

    return answer


async def cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"some of it")
    assert request.transport is not None
    request.transport.close()
    return response


async def cut_at_once(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def garbage(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    request.transport.close()
    return web.Response()


@pytest.fixture
async def cdn() -> AsyncIterator[Cdn]:
    cdn = Cdn()
    await cdn.server.start_server()
    yield cdn
    cdn.go_on.set()
    await cdn.server.close()


@pytest.fixture
async def fetcher(cdn: Cdn) -> AsyncIterator[ClipFetcher]:
    async with ClipFetcher(parse_hosts(cdn.origin), max_bytes=MOST, pause=0) as fetcher:
        yield fetcher


async def complaint(fetcher: ClipFetcher, url: str, name: str = "voice-message.ogg") -> str:
    with pytest.raises(ClipRejected) as caught:
        await fetcher.fetch(url, name)
    # What a log would show of it holds neither the signature nor the address.
    shown = "".join(traceback.format_exception(caught.value))
    assert "c0ffee" not in shown
    assert "attachments/" not in shown
    return str(caught.value)


async def test_a_clip_comes_back_whole_with_its_name(cdn: Cdn, fetcher: ClipFetcher) -> None:
    sound = bytes(range(256)) * 2000
    cdn.answers = [plain(sound)]

    assert await fetcher.fetch(cdn.url, "voice-message.ogg") == Clip("voice-message.ogg", sound)
    (request,) = cdn.requests
    assert request.method == "GET"
    assert request.raw_path == f"/attachments/1/2/voice-message.ogg?{SIGNATURE}"


async def test_a_signed_address_is_asked_for_letter_by_letter(cdn: Cdn, fetcher: ClipFetcher) -> None:
    await fetcher.fetch(f"{cdn.origin}/a%2Fb/%e4%BD.ogg?ex=%41&x=a+b", "clip")

    assert cdn.requests[0].raw_path == "/a%2Fb/%e4%BD.ogg?ex=%41&x=a+b"


async def test_the_server_is_told_nothing_but_what_it_must_know(cdn: Cdn, fetcher: ClipFetcher) -> None:
    cdn.answers = [plain(b"sound", Set_Cookie="who=you; Path=/")]
    await fetcher.fetch(cdn.url, "clip")
    await fetcher.fetch(cdn.url, "clip")

    assert set(cdn.requests[1].headers) == {"Host", "Accept", "Accept-Encoding", "User-Agent"}
    assert cdn.requests[1].headers["Accept-Encoding"] == "identity"


async def test_a_proxy_in_the_environment_is_not_used(
    cdn: Cdn, fetcher: ClipFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert await fetcher.fetch(cdn.url, "clip") == Clip("clip", b"sound")


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "//",
        "//cdn.discordapp.com/a.ogg",
        "cdn.discordapp.com/a.ogg",
        "https:",
        "https://",
        "https:///cdn.discordapp.com/a.ogg",
        "https:cdn.discordapp.com/a.ogg",
        "file:///etc/passwd",
        "file://cdn.discordapp.com/etc/passwd",
        "ftp://cdn.discordapp.com/a.ogg",
        "data:audio/ogg,cdn.discordapp.com",
        "http://cdn.discordapp.com/a.ogg",
        "http://cdn.discordapp.com:443/a.ogg",
        "https://cdn.discordapp.com:8443/a.ogg",
        "https://cdn.discordapp.com:99999/a.ogg",
        "https://cdn.discordapp.com:https/a.ogg",
        "https://cdn.discordapp.com@evil.example/",
        "https://cdn.discordapp.com:443@evil.example/",
        "https://cdn.discordapp.com%40evil.example/",
        "https://cdn.discordapp.com.evil.example/",
        "https://evil.example/cdn.discordapp.com/",
        "https://evil.example/?https://cdn.discordapp.com/",
        "https://evil.example#cdn.discordapp.com/",
        "https://evilcdn.discordapp.com/",
        "https://discordapp.com/",
        "https://user@cdn.discordapp.com/a.ogg",
        "https://user:word@cdn.discordapp.com/a.ogg",
        "https://@cdn.discordapp.com/a.ogg",
        "https://:@cdn.discordapp.com/a.ogg",
        "https://cdn.discordapp.com./a.ogg",
        "https://cdn%2ediscordapp.com/a.ogg",
        "https://cdn。discordapp.com/a.ogg",
        "https://сdn.discordapp.com/a.ogg",
        "https://ｃdn.discordapp.com/a.ogg",
        "https://xn--dn-fmc.discordapp.com/a.ogg",
        "https://cdn.discordapp.com\\@evil.example/",
        "https://evil.example\\.cdn.discordapp.com/",
        "https:\\\\cdn.discordapp.com\\a.ogg",
        "https://cdn.discordapp.com/a\\b.ogg",
        "https://cdn.discordapp.com\t.evil.example/",
        "https://cdn.discordapp.com\n/a.ogg",
        "https://cdn.discordapp.com/a.ogg HTTP/1.1\r\nHost: evil.example",
        "https://cdn.discordapp.com/\0",
        "https://cdn.discordapp.com/\ud800",
        "https://[::1/",
        "https://[cdn.discordapp.com]/a.ogg",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://cdn.discordapp.com/" + "a" * 5000,
    ],
)
async def test_an_address_that_is_not_discords_is_not_asked_for(url: str) -> None:
    async with ClipFetcher(DISCORD, max_bytes=MOST) as fetcher:
        with pytest.raises(ClipRejected) as caught:
            await fetcher.fetch(url, "clip.ogg")

    assert str(caught.value) == "the attachment clip.ogg is not from Discord and was not fetched"


@pytest.mark.parametrize("other", ["localhost", "127.0.0.2", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]"])
async def test_another_name_of_an_allowed_machine_is_another_host(cdn: Cdn, fetcher: ClipFetcher, other: str) -> None:
    assert "is not from Discord" in await complaint(fetcher, f"http://{other}:{cdn.server.port}/a.ogg")
    assert cdn.requests == []


async def test_a_host_in_capitals_is_the_same_host() -> None:
    host = AllowedHost("http", "localhost", 1)
    async with ClipFetcher((host,), max_bytes=MOST, pause=0) as fetcher:
        assert "no connection" in await complaint(fetcher, "HTTP://LocalHost:1/clip.ogg")


async def test_no_hosts_allow_nothing(cdn: Cdn) -> None:
    async with ClipFetcher((), max_bytes=MOST) as fetcher:
        assert "is not from Discord" in await complaint(fetcher, cdn.url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_not_even_to_an_allowed_host(
    cdn: Cdn, fetcher: ClipFetcher, status: int
) -> None:
    cdn.answers = [plain(b"", status, Location=f"{cdn.origin}/elsewhere")]

    assert f"sends on to another address ({status})" in await complaint(fetcher, cdn.url)
    assert len(cdn.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_an_expired_or_deleted_attachment_is_said_to_be_so_and_not_tried_again(
    cdn: Cdn, fetcher: ClipFetcher, status: int
) -> None:
    cdn.answers = [plain(b"This content is no longer available.", status)]

    expected = f"the attachment voice-message.ogg has expired or was deleted ({status})"
    assert await complaint(fetcher, cdn.url) == expected
    assert len(cdn.requests) == 1


@pytest.mark.parametrize("status", [201, 204, 206, 400, 418, 429])
async def test_any_other_answer_than_the_whole_clip_is_named_and_not_tried_again(
    cdn: Cdn, fetcher: ClipFetcher, status: int
) -> None:
    cdn.answers = [plain(b"", status)]

    assert (await complaint(fetcher, cdn.url)).endswith(f"could not be fetched: the server answered {status}")
    assert len(cdn.requests) == 1


async def test_a_clip_of_exactly_the_largest_size_is_taken_and_one_byte_more_is_not(cdn: Cdn) -> None:
    async with ClipFetcher(parse_hosts(cdn.origin), max_bytes=25 << 20) as fetcher:
        cdn.answers = [plain(bytes(25 << 20)), plain(bytes((25 << 20) + 1))]

        assert len((await fetcher.fetch(cdn.url, "clip")).data) == 25 << 20
        assert await complaint(fetcher, cdn.url, "clip") == "the attachment clip is larger than 25 MB"


async def test_a_length_that_says_too_much_is_refused_before_the_body_is_sent(cdn: Cdn, fetcher: ClipFetcher) -> None:
    async def announce(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(MOST + 1)})
        await response.prepare(request)
        await cdn.go_on.wait()
        return response

    cdn.answers = [announce]

    assert "is larger than 1 MB" in await complaint(fetcher, cdn.url)


async def test_an_endless_body_is_read_up_to_the_limit_and_no_further(cdn: Cdn, fetcher: ClipFetcher) -> None:
    cdn.answers = [cdn.endless]

    assert "is larger than 1 MB" in await complaint(fetcher, cdn.url)
    # The buffers of the two sockets come on top.
    assert cdn.sent < 20 * MOST


@pytest.mark.parametrize("packing", ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip"])
async def test_a_packed_body_is_neither_unpacked_nor_taken_for_the_clip(
    cdn: Cdn, fetcher: ClipFetcher, packing: str
) -> None:
    cdn.answers = [plain(gzip.compress(bytes(MOST)), Content_Encoding=packing)]

    assert "sent it compressed" in await complaint(fetcher, cdn.url)


async def test_a_slow_body_is_given_up_in_time(cdn: Cdn) -> None:
    cdn.answers = [cdn.stuck]
    async with ClipFetcher(parse_hosts(cdn.origin), max_bytes=MOST, seconds=0.1) as fetcher:
        assert await complaint(fetcher, cdn.url, "a.ogg") == "the attachment a.ogg could not be fetched in 0.1 s"
    assert len(cdn.requests) == 1


async def test_the_time_spans_both_attempts(cdn: Cdn) -> None:
    cdn.answers = [plain(b"", 503)]
    async with ClipFetcher(parse_hosts(cdn.origin), max_bytes=MOST, seconds=0.1, pause=60) as fetcher:
        assert "could not be fetched in 0.1 s" in await complaint(fetcher, cdn.url)


@pytest.mark.parametrize("fault", [plain(b"", 500), plain(b"", 503), cut, cut_at_once, garbage])
async def test_a_passing_fault_is_tried_once_more(cdn: Cdn, fetcher: ClipFetcher, fault: Answer) -> None:
    cdn.answers = [fault, plain(b"sound")]

    assert (await fetcher.fetch(cdn.url, "clip")).data == b"sound"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (plain(b"", 502), "the server answered 502"),
        (cut, "connection closed midway"),
        (cut_at_once, "connection closed midway"),
        (garbage, "the server's answer made no sense"),
    ],
)
async def test_a_fault_that_stays_is_tried_twice_and_then_told(
    cdn: Cdn, fetcher: ClipFetcher, fault: Answer, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    cdn.answers = [fault]

    expected = f"the attachment voice-message.ogg could not be fetched: {reason}"
    assert await complaint(fetcher, cdn.url) == expected
    assert len(cdn.requests) == 2
    assert [record.levelno for record in caplog.records if record.name == "bot.fetch"] == [logging.WARNING]
    assert "c0ffee" not in "".join(record.getMessage() for record in caplog.records if record.name == "bot.fetch")


async def test_a_server_without_a_certificate_is_not_spoken_to(cdn: Cdn) -> None:
    secure = cdn.origin.replace("http:", "https:")
    async with ClipFetcher(parse_hosts(secure), max_bytes=MOST, pause=0) as fetcher:
        assert (await complaint(fetcher, f"{secure}/clip.ogg")).endswith(": no connection to the server")
    assert cdn.requests == []


async def test_so_many_are_fetched_at_a_time_and_the_others_wait(cdn: Cdn) -> None:
    two_came = asyncio.Event()

    async def hold(request: web.Request) -> web.StreamResponse:
        if len(cdn.requests) == 2:
            two_came.set()
        await cdn.go_on.wait()
        return web.Response(body=b"sound")

    cdn.answers = [hold]
    async with ClipFetcher(parse_hosts(cdn.origin), max_bytes=MOST, at_once=2) as fetcher:
        fetches = [asyncio.create_task(fetcher.fetch(cdn.url, f"{number}")) for number in range(6)]
        await two_came.wait()
        cdn.go_on.set()
        clips = await asyncio.gather(*fetches)

    assert [clip.name for clip in clips] == list("012345")
    assert cdn.most_open == 2


async def test_one_that_waits_for_its_turn_does_not_use_up_its_time(cdn: Cdn) -> None:
    cdn.answers = [cdn.stuck, plain(b"sound")]
    async with ClipFetcher(parse_hosts(cdn.origin), max_bytes=MOST, seconds=0.3, at_once=1) as fetcher:
        first, second = await asyncio.gather(
            fetcher.fetch(cdn.url, "first"), fetcher.fetch(cdn.url, "second"), return_exceptions=True
        )

    assert isinstance(first, ClipRejected)
    assert second == Clip("second", b"sound")


async def test_a_cancelled_fetch_makes_room_for_the_next(cdn: Cdn) -> None:
    came = asyncio.Event()

    async def hold(request: web.Request) -> web.StreamResponse:
        came.set()
        return await cdn.stuck(request)

    cdn.answers = [hold, plain(b"sound")]
    async with ClipFetcher(parse_hosts(cdn.origin), max_bytes=MOST, at_once=1) as fetcher:
        first = asyncio.create_task(fetcher.fetch(cdn.url, "first"))
        await came.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await fetcher.fetch(cdn.url, "second")).data == b"sound"


async def test_closing_rejects_what_is_on_its_way_and_what_comes_after(cdn: Cdn) -> None:
    came = asyncio.Event()

    async def hold(request: web.Request) -> web.StreamResponse:
        came.set()
        return await cdn.stuck(request)

    cdn.answers = [hold]
    fetcher = ClipFetcher(parse_hosts(cdn.origin), max_bytes=MOST, at_once=1, pause=0)
    fetches = [asyncio.create_task(fetcher.fetch(cdn.url, name)) for name in ("under way", "waiting")]
    await came.wait()
    await fetcher.close()
    await fetcher.close()

    for error in await asyncio.gather(*fetches, return_exceptions=True):
        assert isinstance(error, ClipRejected)
        assert "Referee is stopping" in str(error)
    assert "Referee is stopping" in await complaint(fetcher, cdn.url)
    assert len(cdn.requests) == 1


def test_a_fetcher_can_be_made_and_dropped_without_a_loop() -> None:
    ClipFetcher(DISCORD, max_bytes=MOST)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb\r\u202e\x1b[2J.ogg", "the attachment a?b???[2J.ogg is"),
        ("x" * 300, f"the attachment {'x' * 80}… is"),
        ("", "the attachment without a name is"),
        (" \u200b", "the attachment ? is"),
    ],
)
async def test_a_hostile_name_is_shown_as_one_short_line(fetcher: ClipFetcher, name: str, shown: str) -> None:
    assert (await complaint(fetcher, "https://evil.example/", name)).startswith(shown)


def test_hosts_are_read_from_a_setting() -> None:
    assert parse_hosts(" cdn.discordapp.com, Media.DiscordApp.net ,http://127.0.0.1:8123,https://[::1]:9") == (
        AllowedHost("https", "cdn.discordapp.com", 443),
        AllowedHost("https", "media.discordapp.net", 443),
        AllowedHost("http", "127.0.0.1", 8123),
        AllowedHost("https", "::1", 9),
    )


def test_a_host_named_twice_counts_once() -> None:
    assert len(parse_hosts("cdn.discordapp.com,https://cdn.discordapp.com:443")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",",
        "cdn.discordapp.com,",
        "*",
        "*.discordapp.com",
        ".discordapp.com",
        "cdn.discordapp.com.",
        "cdn..discordapp.com",
        "-cdn.discordapp.com",
        "cdn.discordapp.com/attachments",
        "https://cdn.discordapp.com/",
        "https://cdn.discordapp.com?x",
        "https://cdn.discordapp.com#x",
        "ftp://cdn.discordapp.com",
        "file:///etc",
        "://cdn.discordapp.com",
        "https://",
        "https://https://cdn.discordapp.com",
        "cdn.discordapp.com:8443",
        "https://cdn.discordapp.com:0",
        "https://cdn.discordapp.com:70000",
        "https://cdn.discordapp.com:x",
        "https://cdn.discordapp.com:",
        "https://[::1",
        "https://[:::::]",
        "https://[1.2]",
        "cdn.discordapp.com evil.example",
        "cdn\n.discordapp.com",
        "сdn.discordapp.com",
        "cdn.discordapp.com\\evil",
    ],
)
def test_a_host_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="attachment host"):
        parse_hosts(text)


def test_a_password_in_a_host_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="number 2 has a name or password") as caught:
        parse_hosts("cdn.discordapp.com,https://me:hunter2@cdn.discordapp.com")

    assert "hunter2" not in str(caught.value)
