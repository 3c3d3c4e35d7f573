"""The model card, written from what the run measured."""

from collections.abc import Mapping
from typing import Any

from classifier.labels import Evidence, LabelSet
from classifier.manifest import Manifest, Stages
from classifier.training.recipe import Recipe

_BINARY = ("rows", "toxic", "auc", "precision", "recall", "f1", "calibration_error")


def model_card(manifest: Manifest, labels: LabelSet, recipe: Recipe) -> str:
    """Return the card of a model as Markdown."""
    return (
        "\n\n".join(
            (
                f"# Model card: {manifest.name}-{manifest.version}",
                _what(manifest),
                "## Categories\n\n" + _label_table(labels),
                "## Not to be trusted for\n\n" + _limits(labels),
                "## Trained on\n\n" + _sources(manifest, recipe),
                "## Measured\n\n" + _measured(manifest),
                "## Made by\n\n" + _made(manifest),
            )
        )
        + "\n"
    )


_STAGES = {
    Stages.ONE: "one head over non-toxic and the categories",
    Stages.TWO: "two networks: P(toxic), and P(category | toxic) of what the first lets through",
    Stages.HIERARCHICAL: "two heads: P(toxic), and P(category | toxic); P(category) is their product",
}


def _what(manifest: Manifest) -> str:
    return (
        f"A classifier for short chat messages, in English above all. {manifest.training['base']} with "
        f"{_STAGES[manifest.stages]}. Texts are prepared by `classifier.normalize` and read in windows of "
        f"{manifest.window} tokens. It ranks messages for human moderators; a score is no verdict about a person."
    )


def _label_table(labels: LabelSet) -> str:
    rows = [f"| {label.name} | {label.description} | {label.severity} | {label.evidence} |" for label in labels.labels]
    return "\n".join(("| category | meaning | severity | evidence |", "| --- | --- | ---: | --- |", *rows))


def _limits(labels: LabelSet) -> str:
    little = ", ".join(f"`{label.name}`" for label in labels.labels if label.evidence is Evidence.LITTLE)
    thin = (
        f"- {little}: the training data holds few examples, most of them written by us. No accuracy is claimed; leave "
        "these to humans.\n"
        if little
        else ""
    )
    return (
        f"{thin}- Punishing people without a human who looks: irony, quotes, in-jokes and reclaimed words are judged "
        "by their wording.\n"
        "- Languages other than English: it has met some Russian and a handful of lines in others.\n"
        "- Dialect and identity: some sources are known to be harsher on African-American English and on lines that "
        "merely name a group. Watch what is flagged.\n"
        "- Profiling people, or anything outside the moderation of a community's chat."
    )


def _sources(manifest: Manifest, recipe: Recipe) -> str:
    counts: Mapping[str, int] = manifest.training["rows"]
    lines = [f"- **{name}**, {count:,} rows. {recipe.plan(name).about}".rstrip() for name, count in counts.items()]
    return "\n".join(
        (
            "Rows count after joining equal texts and adding disguised copies. The rows themselves are not distributed "
            "with Referee. No message obtained through Discord was used.",
            "",
            *sorted(lines),
        )
    )


def _measured(manifest: Manifest) -> str:
    metrics = manifest.metrics
    unseen, stream = metrics["unseen"], metrics["stream"]
    agree = metrics["int8_beside_fp32"]
    curve = manifest.curves.get("toxic")
    budgets = "\n".join(f"| 1 in {round(1 / rate):,} | {t:.3f} |" for rate, t in curve.points) if curve else ""
    return _tested(metrics.get("test")) + (
        "On the tune parts, which were used to choose the epoch and to calibrate, not to train; texts that occur in "
        "the training rows are left out. Precision, recall and F1 of toxic at P(toxic) 0.5.\n\n"
        f"{_binary_table(unseen)}\n\n"
        "The same with repeated and known texts, as messages come in a match:\n\n"
        f"{_binary_table(stream)}\n\n"
        "Top category on toxic rows whose category is known (unseen texts):\n\n"
        f"{_category_table(unseen['categories'])}\n\n"
        "Thresholds of P(toxic) by false-positive budget, on clean game chat of the tune parts (their labels are "
        "noisy: some of what counts as a false positive is abuse that an annotator missed):\n\n"
        f"| wrongly flagged | threshold |\n| --- | ---: |\n{budgets}\n\n"
        f"int8 beside fp32: P(toxic) differs by {agree['mean_difference']:.4f} on average and by "
        f"{agree['p99_difference']:.4f} at the 99th percentile; {agree['same_side_of_half']:.2%} of messages stay on "
        f"the same side of 0.5, {agree['same_side_of_flag']:.2%} on the same side of the flag threshold "
        f"{unseen['flag_threshold']:.3f}."
    )


def _tested(test: Mapping[str, Any] | None) -> str:
    if not test:
        return ""
    return (
        "On rows that were kept apart (the test part), at P(toxic) 0.5:\n\n"
        f"{_binary_table(test)}\n\n{_category_table(test['categories'])}\n\n"
    )


def _binary_table(report: Mapping[str, Any]) -> str:
    head = "| source | rows | toxic | AUC | precision | recall | F1 | calibration error |"
    lines = [_line("**all**", report["all"])]
    lines += [_line(name, numbers) for name, numbers in report["sources"].items()]
    return "\n".join((head, "| --- |" + " ---: |" * len(_BINARY), *lines))


def _line(name: str, numbers: Mapping[str, Any]) -> str:
    return f"| {name} | " + " | ".join(_shown(numbers[column]) for column in _BINARY) + " |"


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _category_table(categories: Mapping[str, Mapping[str, Any]]) -> str:
    columns = ("rows", "precision", "recall", "f1")
    lines = [f"| {name} | " + " | ".join(_shown(c[k]) for k in columns) + " |" for name, c in categories.items()]
    return "\n".join(("| category | rows | precision | recall | F1 |", "| --- | ---: | ---: | ---: | ---: |", *lines))


def _made(manifest: Manifest) -> str:
    training = manifest.training
    versions = ", ".join(f"{name} {version}" for name, version in training["versions"].items())
    commands = [*training.get("earlier_commands", []), training["command"]]
    steps = "\n".join(f"{number}. `{command}`" for number, command in enumerate(commands, start=1))
    return f"{steps}\n\nwith {versions}. `run.toml` repeats the last step."
