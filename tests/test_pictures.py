"""Hold the pictures of the README to what draws them; no browser is needed."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from docs.pictures.markdown import Reader
from docs.pictures.page import UnknownComponent, component_html, page
from docs.pictures.scene import Sent

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
READER = Reader(NOW, UTC, {"1": "Vex <b>"})


def text(content: str) -> str:
    """Return a text of a card as it is drawn."""
    return component_html({"type": 10, "content": content}, READER)


def test_every_picture_that_the_readme_shows_is_there() -> None:
    named = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))

    assert {"docs/pictures/card.png", "docs/pictures/toxcheck.png"} <= set(named)
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("where", ["{}", "**{}**", "||{}||", "### {}", "-# {}", "`{}`", "```\n{}\n```"])
def test_what_people_wrote_stays_text(where: str) -> None:
    drawn = text(where.format("<script>alert(1)</script>"))

    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn


def test_a_card_is_drawn_with_its_colour_its_names_and_its_buttons() -> None:
    buttons = [{"type": 2, "style": 3, "label": "Confirm", "custom_id": "a"}, {"type": 2, "style": 2, "label": "<i>"}]
    inside = [{"type": 10, "content": "### <@1>: insult"}, {"type": 14}, {"type": 1, "components": buttons}]
    card = {"type": 17, "accent_color": 0xE67E22, "components": inside}

    drawn = page(Sent([card], NOW), READER)

    assert "border-left-color:#e67e22" in drawn
    assert "Vex &lt;b&gt;" in drawn
    assert '<button class="success">Confirm</button>' in drawn
    assert "&lt;i&gt;" in drawn
    assert "<i>" not in drawn


def test_a_kind_of_component_that_is_not_known_is_an_error_instead_of_a_gap() -> None:
    with pytest.raises(UnknownComponent, match="999"):
        component_html({"type": 999}, READER)
