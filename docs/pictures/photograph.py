"""Photographs of the pages, taken with Chromium."""

import asyncio
import re
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_WIDTH = 640
_HIGHEST = 4000
_LIMIT_S = 60
_TELL_HEIGHT = (
    "<script>document.body.dataset.height = "
    'Math.ceil(document.querySelector(".message").getBoundingClientRect().height)</script>'
)


class NoPicture(Exception):
    """Say why no picture could be taken."""


def find_chromium() -> str:
    """Return where Chromium is; raise NoPicture."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise NoPicture(f"Pictures need Chromium: none of {', '.join(_NAMES)} was found in the PATH. Install one of them.")


async def photograph(html: str, picture: Path, folder: Path) -> None:
    """Write a picture of a page, as high as the page is; `folder` holds what lies about meanwhile.

    Raise NoPicture where Chromium is missing or fails.
    """
    chromium, source = find_chromium(), folder / f"{picture.stem}.html"
    source.write_text(html + _TELL_HEIGHT, encoding="utf-8")
    told = await _run(chromium, folder, source, "--dump-dom", f"--window-size={_WIDTH},{_HIGHEST}")
    height = re.search(r'data-height="([0-9]+)"', told)
    if height is None:
        raise NoPicture(f"{chromium} did not tell how high {source.name} is; try a newer one.")
    size = f"--window-size={_WIDTH},{height[1]}"
    await _run(chromium, folder, source, f"--screenshot={picture}", size, "--force-device-scale-factor=2")


async def _run(chromium: str, folder: Path, source: Path, *options: str) -> str:
    always = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/profile")
    process = await asyncio.create_subprocess_exec(
        chromium, *always, *options, source.as_uri(), stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(_LIMIT_S):
            told, complaint = await process.communicate()
    except TimeoutError as error:
        process.kill()
        raise NoPicture(f"{chromium} took more than {_LIMIT_S} seconds for {source.name}.") from error
    if process.returncode:
        words = complaint.decode(errors="replace").strip()[-500:]
        raise NoPicture(f"{chromium} failed with {process.returncode} at {source.name}: {words}")
    return told.decode(errors="replace")
