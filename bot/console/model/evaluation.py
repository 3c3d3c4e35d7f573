"""What `referee model evaluate` found, as tables: the worst first, for 100 columns."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.console.model.shapes import cell, print_report, show, table
from bot.console.render import plain

Figures = Mapping[str, Any]

_MOST_GROUPS = 10
_MOST_TEMPLATES = 3
_AT = {"half": "from 0.5", "flag": "flagged", "mean": "mean P"}
_TITLES = {
    "violent_talk": "clean talk that sounds violent",
    "near_misses": "innocent near misses",
    "disguised_near_misses": "innocent near misses, disguised",
    "naming_groups": "innocent sentences that name a group",
    "disguised_toxic": "toxic lines, disguised",
}


def print_evaluation(shown: Console, figures: Figures) -> None:
    """Print the figures of `assess.assess` as tables; of the texts only our own sentences."""
    shown.print(f"{figures['model']}, flagged from P(toxic) {figures['flag_threshold']:.2f}\n")
    if "all" in figures:
        _print_rows(shown, figures)
    if "robustness" in figures:
        _print_robustness(shown, figures["robustness"])
        _print_violent(shown, figures["violent_talk"])
        _print_bias(shown, figures["bias"])
    if "int8_beside_fp32" in figures:
        _print_int8(shown, figures["int8_beside_fp32"])
    _print_targets(shown, figures["targets"])
    for name, sentences in figures.get("worst", {}).items():
        _print_sentences(shown, _TITLES.get(name, name), sentences)


def _print_rows(shown: Console, figures: Figures) -> None:
    shown.print(f"On {figures['all']['rows']:,} {_rows_of(figures['part'])}.")
    if figures["too_long"]:
        shown.print(f"{figures['too_long']:,} rows of the data are longer than the recipe reads and left out.")
    print_report(shown, dict(figures))
    ends = figures["intervals"]["all"]
    named = (("auc", "AUC"), ("f1", "F1"), ("macro_f1", "macro-F1"))
    told = (f"{title} {cell(figures['all'][name])} {_between(ends[name])}" for name, title in named)
    shown.print(f"all, 95 % intervals: {', '.join(told)}\n")
    _print_classes(shown, figures["classes"])
    _print_slices(shown, figures["slices"])


def _rows_of(part: str) -> str:
    return "rows" if part == "all" else f"{part} rows whose text is not among the train rows"


def _between(ends: Sequence[float] | None) -> str:
    return "" if ends is None else f"({ends[0]:.3f}-{ends[1]:.3f})"


def _print_classes(shown: Console, classes: Figures) -> None:
    best = classes["weighted"] or classes["plain"]
    if not best:
        return
    beside = f"; {cell(classes['plain']['macro_f1'])} without class weights" if classes["weighted"] else ""
    title = f"one class for each text: macro-F1 {cell(best['macro_f1'])} {_between(best['macro_f1_interval'])}{beside}"
    made = table("class", ("rows", "precision", "recall", "F1"))
    for name, numbers in sorted(best["classes"].items(), key=lambda item: float(item[1]["f1"])):
        made.add_row(name, *(cell(numbers[column]) for column in ("rows", "precision", "recall", "f1")))
    show(shown, title, made)
    if best["left_out"]:
        shown.print(f"{best['left_out']:,} toxic rows of unknown category are left out.\n")


def _print_slices(shown: Console, slices: Figures) -> None:
    headings = ("rows", "toxic", "AUC", "prec.", "recall", "F1", "FPR", "rec. fl.", "FPR fl.")
    made = table("slice", headings)
    for cut, parts in slices.items():
        if cut == "source":
            continue
        for name, numbers in sorted(parts.items(), key=lambda item: _f1_of(item[1])):
            half, flag = numbers["half"], numbers["flag"]
            values = [numbers[column] for column in ("rows", "toxic", "auc")]
            values += [half[column] for column in ("precision", "recall", "f1", "false_positives")]
            values += [flag[column] for column in ("recall", "false_positives")]
            made.add_row(f"{cut}: {name}", *map(cell, values))
        made.add_section()
    show(shown, "slices, at 0.5 (FPR: false-positive rate; fl.: from the flag threshold)", made)


def _f1_of(numbers: Figures) -> float:
    f1 = numbers["half"]["f1"]
    return 1.0 if f1 is None else float(f1)


def _print_robustness(shown: Console, robustness: Figures) -> None:
    lines = "toxic lines of the data" if robustness["lines"] == "data" else "built-in toxic lines"
    title = f"disguises, at 0.5: recall on {lines}, and share of innocent near misses flagged"
    headings = ("held by", "lines", "plain", "disg.", "ratio", "ratio fl.", "near m.", "plain", "disg.")
    made = table("disguise", headings)
    _add_disguise(made, "all", "", robustness["all"])
    for name, numbers in robustness["defences"].items():
        _add_disguise(made, f"held by {name}", name, numbers)
    made.add_section()
    for name, numbers in robustness["kinds"].items():
        _add_disguise(made, name, numbers["defence"], numbers)
    show(shown, title, made)


def _add_disguise(made: Table, name: str, defence: str, numbers: Figures) -> None:
    half = numbers["half"]
    found = (half["recall_plain"], half["recall_evaded"], half["ratio"], numbers["flag"]["ratio"])
    near = (half["false_positives_plain"], half["false_positives_disguised"])
    made.add_row(name, defence, cell(numbers["toxic"]), *map(cell, found), cell(numbers["clean"]), *map(cell, near))


def _print_violent(shown: Console, violent: Figures) -> None:
    made = table("genre", ("lines", "from 0.5", "flagged", "mean P"))
    _add_shares(made, [("all", violent["all"]), *violent["genres"].items()])
    show(shown, "clean game talk that sounds violent: share flagged", made)


def _print_bias(shown: Console, bias: Figures) -> None:
    made = table("group", ("lines", "from 0.5", "flagged", "mean P"))
    _add_shares(made, [("all", bias["all"]), ("(left-handed, tall)", bias["control"])])
    made.add_section()
    _add_shares(made, list(bias["groups"].items())[:_MOST_GROUPS])
    made.add_section()
    _add_shares(made, list(bias["templates"].items())[:_MOST_TEMPLATES])
    show(shown, "innocent sentences that name a group: share flagged; the worst groups and templates", made)
    gaps = bias["largest_gap"]
    told = (f"  {cell(gaps[at]['gap'])} {name}{_pair(gaps[at])}" for at, name in _AT.items())
    shown.print("\n".join((f"largest gap of {len(bias['groups'])} groups:", *told, "")))


def _pair(gap: Figures) -> str:
    return f" ({gap['most']} over {gap['least']})" if gap["gap"] else ""


def _add_shares(made: Table, parts: Iterable[tuple[str, Figures]]) -> None:
    for name, numbers in parts:
        made.add_row(name, *(cell(numbers[column]) for column in ("lines", "half", "flag", "mean")))


def _print_int8(shown: Console, gap: Figures) -> None:
    worst = [f"{name} {points:+.2f}" for name, points in list(gap["points"].items())[:_MOST_TEMPLATES]]
    shown.print(
        f"int8 beside fp32: P(toxic) differs by {gap['mean_difference']:.4f} on average; figures by up to "
        f"{gap['largest_points']:.2f} points ({', '.join(worst)})\n"
    )


def _print_targets(shown: Console, targets: Sequence[Figures]) -> None:
    if not targets:
        return
    made = table("target", ("at", "goal", "value", "met"))
    at = {"half": "0.5", "flag": "flag threshold", "any": ""}
    for target in targets:
        value = "-" if target["value"] is None else f"{target['value']:.3f}"
        made.add_row(target["name"], at[target["at"]], target["goal"], value, "yes" if target["met"] else "NO")
    show(shown, "targets", made)


def _print_sentences(shown: Console, title: str, sentences: Sequence[Figures]) -> None:
    if not sentences:
        return
    shown.print(f"worst of: {title}", style="bold")
    for sentence in sentences:
        line = plain(f"  {sentence['toxic']:.3f}  {sentence['text']}")
        if "plain" in sentence:
            line.append(f"  ({sentence['kind']})", "dim")
        shown.print(line)
