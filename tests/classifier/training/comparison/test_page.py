import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from classifier.errors import DataError
from classifier.training.comparison import page as page_module
from classifier.training.comparison.outcome import TestRow
from classifier.training.comparison.page import write_page
from classifier.training.comparison.scores import score_outcomes
from tests.classifier.training.comparison.village import comparison, learned, outcome, village

ROOT = Path(__file__).parents[4]
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</svg></style></title></textarea>",
    "\u202eevil\u2066 nul\0 \x1b[31m \ud800",
    "y" * 100_000,
    "$\\frac{1}{0$ 脅迫 تهديد",
    "{{ 7 * 7 }}{% raw %}",
)
VOID = {"meta", "line", "path", "br", "use", "rect"}


class Reader(HTMLParser):
    """Keep the elements, headings and text of a page, and whether every element is closed in turn."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags, self.open, self.texts, self.headings, self.attributes = [], [], [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.texts.append(data)
        if "h2" in self.open:
            self.headings.append(data)


def written(folder: Path, given, *, draws: int = 20) -> str:
    path = folder / "page.html"
    write_page(path, given, score_outcomes(given, draws=draws))
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    given = village(learning=learned(), notes=("The labels are noisy.",))
    return written(tmp_path_factory.mktemp("page"), given)


def test_the_page_has_every_part(source: str) -> None:
    read = Reader(source)

    assert read.open == []
    assert read.headings == [
        "Before you read the numbers",
        "Results",
        "Precision and recall",
        "Classes",
        "Confusion",
        "Calibration",
        "What more labelled rows bring",
        "Worst mistakes",
        "How this was made",
    ]
    pictures = [value for _, name, value in read.attributes if name == "aria-label" and value]
    assert sum(label.startswith("Precision over recall") for label in pictures) == 1
    assert sum(label.startswith("Reliability diagram") for label in pictures) == 2
    assert sum(label.startswith("Learning curve") for label in pictures) == 3
    assert sum(label.startswith("Confusion matrix") for label in pictures) == 2
    assert {"The labels are noisy.", "referee model compare", "200"} <= {text.strip() for text in read.texts}


def test_the_page_shows_the_scores_with_their_intervals(source: str) -> None:
    scores = score_outcomes(village(), draws=20)

    for each in scores:
        assert f"<td>{each.f1.value:.3f}<small>{each.f1.low:.3f}–{each.f1.high:.3f}</small></td>" in source
    gain = scores[1].f1_gain
    assert f"{gain.value:+.3f}<small>{gain.low:+.3f} to {gain.high:+.3f}</small>" in source


def test_the_page_needs_nothing_beside_it(source: str) -> None:
    read = Reader(source)

    assert not {"script", "link", "img", "iframe", "object"} & set(read.tags)
    targets = [value for _, name, value in read.attributes if name.split(":")[-1] in ("src", "href", "data")]
    assert targets and all(target.startswith("#") for target in targets)
    assert not re.search(r"url\((?!#)|@import", source)
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in read.attributes


def test_every_reference_in_the_page_meets_one_id(source: str) -> None:
    ids = re.findall(r' id="([^"]+)"', source)

    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', source)) <= {(i, "") for i in ids} | {
        ("", i) for i in ids
    }


def test_the_same_comparison_gives_the_same_page(source: str, tmp_path: Path) -> None:
    assert written(tmp_path, village(learning=learned(), notes=("The labels are noisy.",))) == source


def test_texts_and_names_cannot_get_out_of_their_place(tmp_path: Path) -> None:
    given = village(70, classes=("non_toxic", *HOSTILE), notes=HOSTILE, title=HOSTILE[0], about=HOSTILE[1])
    plain = village(70, classes=("non_toxic", *"abcdefg"), notes=("x",) * 7, title="t", about="a")
    rows = tuple(replace(row, text=HOSTILE[i % 7], source=HOSTILE[(i + 1) % 7]) for i, row in enumerate(given.rows))
    said = tuple(replace(each, name=HOSTILE[i], stages=HOSTILE[i + 2]) for i, each in enumerate(given.outcomes))
    points = learned(HOSTILE[2])
    hostile = replace(given, rows=rows, outcomes=said, learning=points, command=HOSTILE[0], machine=HOSTILE[3])

    source = written(tmp_path, hostile)

    read, usual = Reader(source), Reader(written(tmp_path, replace(plain, learning=learned("m"))))
    assert read.open == []
    assert {tag: read.tags.count(tag) for tag in set(read.tags) - {"bdi"}} == {
        tag: usual.tags.count(tag) for tag in set(usual.tags) - {"bdi"}
    }
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]
    assert all(c == "\n" or c.isprintable() or c == "\u2002" or c == "\xa0" for c in source)
    assert "{{ 7 * 7 }}{% raw %}" in source and "\\u202eevil\\u2066 nul\\x00" in source
    assert "y" * 1001 not in source and "(100,000 characters)" in source


def test_the_worst_mistakes_are_behind_a_warning(tmp_path: Path) -> None:
    rows = [TestRow("you turnip", 1, True, "village"), TestRow("well played", 0, False, "village")]
    source = written(tmp_path, comparison(rows, [outcome("a", [0.1, 0.9], [0, 1])]))

    hidden = re.findall(r"<details>.*?</details>", source, re.DOTALL)
    assert "Content warning" in source
    assert [
        text
        for text in ("you turnip", "well played")
        if text in re.sub(r"<details>.*?</details>", "", source, flags=re.DOTALL)
    ] == []
    assert "well played" in hidden[0] and "False alarms: 1 (texts may be abusive)" in hidden[0]
    assert "you turnip" in hidden[1] and "Misses: 1 (texts may be abusive)" in hidden[1]
    assert "Mixed-up categories: none." in source


def test_the_confusion_shows_counts_coloured_by_their_share_of_the_row(tmp_path: Path) -> None:
    rows = [TestRow(str(i), place, place > 0, "village") for i, place in enumerate((0, 0, 0, 0, 1, -1))]
    source = written(tmp_path, comparison(rows, [outcome("a", [0.1, 0.1, 0.1, 0.9, 0.9, 0.9], [0, 0, 0, 1, 1, 2])]))

    cells = re.findall(r'<td class="([a-z ]*)" style="--share:([\d.]+)">([^<]+)</td>', source)
    assert cells[:3] == [("dark hit", "0.75", "3"), ("", "0.25", "1"), ("none", "0.0", "·")]
    assert cells[3:6] == [("none", "0.0", "·"), ("dark hit", "1.0", "1"), ("none", "0.0", "·")]
    assert "The 1 test rows of unknown class" in source


def test_without_learning_points_there_is_no_learning_curve(tmp_path: Path) -> None:
    assert "What more labelled rows bring" not in written(tmp_path, village(12, skills=(1.0,)))


def test_a_heading_names_the_stages_once(tmp_path: Path) -> None:
    given = village(12)
    said = [replace(given.outcomes[0], name="shipped, two", stages="two"), replace(given.outcomes[1], name="twofold")]

    source = written(tmp_path, replace(given, outcomes=(said[0], replace(said[1], stages="two"))))

    assert re.findall(r"<h3>.*</svg> <bdi>(.*)</bdi></h3>", source)[:2] == ["shipped, two", "twofold, two"]


def test_a_setting_looks_the_same_on_the_learning_curve(tmp_path: Path) -> None:
    source = written(tmp_path, village(12, learning=(*learned("new", (25,)), *learned("model 1", (25,)))))

    section = source[source.index("What more labelled rows bring") :]
    legend = section[section.index('<ul class="legend">') : section.index("</ul>")]
    colours = re.findall(r'<line [^>]*stroke="(#\w+)"', legend)
    assert colours == ["#009E73", "#D55E00"]


@pytest.mark.parametrize("places", [(), (0,), (1, 1, 1), (0, -1, 2)])
def test_few_rows_still_make_a_page(places: tuple[int, ...], tmp_path: Path) -> None:
    rows = [TestRow("line", place, place != 0, "village") for place in places]
    size, nan = len(places), float("nan")
    settings = [outcome("a", [0.3] * size, [0] * size, latency_ms=nan), outcome("b", [nan] * size, [0] * size)]

    source = written(tmp_path, comparison(rows, settings))

    assert Reader(source).open == []
    assert not re.search(r"\bnan\b|\binf\b", source)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    given = village(10, skills=(1.0,))
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match=r"file/page\.html cannot be written.*name another file"):
        write_page(tmp_path / "file" / "page.html", given, score_outcomes(given, draws=5))


def test_the_template_is_installed_with_the_package() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["classifier"]

    template = Path(page_module.__file__).with_name("page.html.j2").relative_to(ROOT / "classifier")
    assert any(template.match(pattern) for pattern in data)
