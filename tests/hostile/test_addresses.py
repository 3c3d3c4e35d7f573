"""Addresses of attachments that are not what they look like: nothing is fetched but from the hosts that are named."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.errors import ClipRejected
from bot.fetch import DISCORD_HOSTS, ClipFetcher, parse_hosts
from tests.hostile.attacks import PATHS

OURS = re.compile(
    r"https://(?:cdn\.discordapp\.com|media\.discordapp\.net)(?::(?:0*443)?)?(?:[/?#][!-~]*)?", re.IGNORECASE
)
SCHEMES = ("https", "http", "HTTPS", "ftp", "file", "javascript", "data", "", "https ", "\thttps", "wss")
HOSTS = (
    *DISCORD_HOSTS,
    *("CDN.DISCORDAPP.COM", "cdn.discordapp.com.", "cdn.discordapp.com.evil.example", "evilcdn.discordapp.com"),
    *(
        "cdn.discordapp.com@evil.example",
        "evil.example@cdn.discordapp.com",
        "u:p@cdn.discordapp.com",
        "@cdn.discordapp.com",
    ),
    *(
        "cdn.discordapp.com:443",
        "cdn.discordapp.com:80",
        "cdn.discordapp.com:443443",
        "cdn.discordapp.com:",
        "cdn.discordapp.com:x",
    ),
    *("127.0.0.1", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "169.254.169.254", "[::ffff:127.0.0.1]"),
    *(
        "cdn.discordapp.com\\.evil.example",
        "cdn.discordapp.com%2eevil.example",
        "cdn。discordapp。com",
        "сdn.discordapp.com",
    ),
    *(
        "xn--dn-jlc.discordapp.com",
        "cdn.discordapp.com\x00.evil.example",
        "cdn.discordapp.com\t",
        "cdn.discordapp.com#@evil",
        "",
    ),
)
SEPARATORS = ("://", ":/", ":", "//", ":\\\\", "://\\", ":///", "://@")
TAILS = (
    "",
    "/",
    "/a.ogg",
    "/a.ogg?ex=1&is=2",
    "?x",
    "#x",
    "\\evil.example",
    "/../..//evil.example",
    "//evil.example",
    "/\r\nHost: x",
    "/ x",
    "/é",
)

addresses = st.one_of(
    st.tuples(*(st.sampled_from(each) for each in (SCHEMES, SEPARATORS, HOSTS, TAILS))).map("".join),
    st.text(max_size=40),
    st.text(max_size=20).map(lambda tail: f"https://cdn.discordapp.com{tail}"),
)


@pytest.fixture(scope="module")
def fetcher() -> ClipFetcher:
    return ClipFetcher(parse_hosts(",".join(DISCORD_HOSTS)), max_bytes=1)


@settings(deadline=None, max_examples=1000)
@example("https://cdn.discordapp.com@evil.example/")
@example("https://cdn.discordapp.com/a.ogg?ex=1")
@given(addresses)
def test_what_is_asked_for_lies_at_discord_however_it_is_read(fetcher: ClipFetcher, address: str) -> None:
    try:
        target = fetcher._target(address, "the clip")
    except ClipRejected as error:
        assert len(address) < 8 or address not in str(error)
        return
    assert OURS.fullmatch(address), address
    # A second reader, of another library, sees the same host in it, and in what is sent.
    for written in (address, str(target)):
        read = urlsplit(written)
        assert (read.scheme, read.hostname in DISCORD_HOSTS, read.username) == ("https", True, None)


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.sampled_from(PATHS), st.text(max_size=200)))
async def test_a_refusal_names_the_clip_in_one_short_line_whatever_it_is_called(name: str) -> None:
    fetcher = ClipFetcher(parse_hosts("cdn.discordapp.com"), max_bytes=1)
    with pytest.raises(ClipRejected) as refused:
        await fetcher.fetch("https://evil.example/secret-path", name)

    line = str(refused.value)
    assert line.isprintable()
    assert len(line) < 200
    assert "secret-path" not in line
