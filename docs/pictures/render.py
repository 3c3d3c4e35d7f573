"""Make the pictures of the README anew: `python docs/pictures/render.py`, from anywhere.

The real bot plays a short scene in a simulated Discord, with the shipped model and the offline speech model; what it
sends is drawn in the style of Discord and photographed with Chromium. It needs what the extras `dev` and
`speech-model` install, and Chromium. The simulated time is always the same; scores may move with another model.
"""

import asyncio
import sys
import tempfile
from datetime import timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
ZONE = timezone(timedelta(hours=-5))
"""The simulation begins at midnight UTC; the pictures are seen from where it is evening then."""


async def render(folder: Path) -> None:
    """Play the scene, and write the pictures; `folder` holds what lies about meanwhile."""
    from bot.assembly import open_parts
    from bot.settings import Settings
    from docs.pictures.markdown import Reader
    from docs.pictures.page import page
    from docs.pictures.photograph import find_chromium, photograph
    from docs.pictures.scene import play

    find_chromium()
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite+aiosqlite:///{folder / 'referee.db'}",
        content_key_file=folder / "referee.key",
        speech=True,
    )
    async with open_parts(settings, patient=True) as parts:
        scene = await play(settings, parts)
    reader = Reader(scene.now, ZONE, scene.names)
    for name, sent in (("card", scene.card), ("card-decided", scene.decided), ("toxcheck", scene.check)):
        await photograph(page(sent, reader), HERE / f"{name}.png", folder)


if __name__ == "__main__":
    # The folder of the script is what Python puts first; the packages are beside `docs`.
    sys.path[0] = str(HERE.parents[1])
    with tempfile.TemporaryDirectory() as lying_about:
        asyncio.run(render(Path(lying_about)))
