"""`referee model train`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.console.model.choices import (
    Base,
    Clean,
    Data,
    Extra,
    ExtraRows,
    GroupColumn,
    LabelColumn,
    Labels,
    MapFile,
    Out,
    RecipeFile,
    StagesOption,
    TestShare,
    TextColumn,
    TuneShare,
    chosen_recipe,
    stem,
)
from bot.console.model.shapes import print_report, progress_bar, require_training
from bot.console.render import console
from bot.policy_draft import NAME, draft_policy
from classifier.labels import read_labels
from classifier.model import SHIPPED

_HELP = {"show_default": False}


def train(
    data: Data = None,
    out: Out = None,
    recipe: RecipeFile = None,
    base: Base = None,
    stages: StagesOption = None,
    labels: Labels = None,
    map_file: MapFile = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    group: GroupColumn = None,
    clean: Clean = None,
    extra: Extra = None,
    extra_rows: ExtraRows = None,
    test_share: TestShare = None,
    tune_share: TuneShare = None,
    epochs: Annotated[float | None, typer.Option(min=0.01, help="Times through the rows.", **_HELP)] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows in a training step.", **_HELP)] = None,
    eval_batch_size: Annotated[int | None, typer.Option(min=1, help="Rows in an evaluation step.", **_HELP)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest step size.", **_HELP)] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="How steps are made.", metavar="adamw|adafactor|sgd|rmsprop", **_HELP)
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="By what the best epoch is chosen.", metavar="score|auc|average_precision|f1|macro_f1|loss", **_HELP
        ),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=0, help="Stop after so many epochs that were no better; 0: never.", **_HELP)
    ] = None,
    imbalance: Annotated[
        str | None,
        typer.Option(help="What is done for rare classes.", metavar="none|weights|logit_adjustment", **_HELP),
    ] = None,
    augment: Annotated[
        float | None,
        typer.Option(min=0, max=0.99, help="Share of rows copied in disguise or mistyped; 0: off.", **_HELP),
    ] = None,
    soup: Annotated[
        int | None, typer.Option(min=1, help="Train with so many seeds and average the weights.", **_HELP)
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="What every draw depends on.", **_HELP)] = None,
    name: Annotated[str, typer.Option(help="What to call the model.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT.work.")] = False,
) -> None:
    """Fine-tune a classifier on your own lines and export it: int8 ONNX, calibrated thresholds, a model card.

    A row has `text` and `label` (any names; `referee model data` checks a file beforehand). A split, a source and a
    group are optional. The run is written to OUT/run.toml: `referee model train --recipe OUT/run.toml` repeats it.
    """
    require_training()
    from classifier.training.quiet import quiet_libraries
    from classifier.training.run import Job
    from classifier.training.run import train as run

    chosen = chosen_recipe(
        recipe,
        data or [],
        extra or [],
        extra_rows,
        map_file,
        {"text": text, "label": label, "group": group},
        clean or [],
        base=base,
        stages=stages,
        test_share=test_share,
        tune_share=tune_share,
        epochs=epochs,
        batch_size=batch_size,
        eval_batch_size=eval_batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        metric=metric,
        patience=patience,
        imbalance=imbalance,
        augment_share=augment,
        soup=soup,
        seed=seed,
    )
    out = out or Path(f"{stem(chosen.data[0])}-model")
    job = Job(
        out=out,
        recipe=chosen,
        labels=labels,
        name=name or out.name,
        command=shlex.join(["referee", "model", "train", *sys.argv[3:]]),
        resume=resume,
    )
    progress = console(stderr=True)
    with quiet_libraries(), progress_bar(progress) as bar:
        task = bar.add_task("training", total=None)

        def show(done: int, steps: int, figures: dict[str, float]) -> None:
            bar.update(task, completed=done, total=steps, description=f"training  {_figures(figures)}")

        manifest = run(job, progress=show, say=lambda line: progress.print(line))
    shown = console()
    if "test" not in manifest.metrics:
        shown.print("Measured on the rows that it was also chosen and calibrated by; --test-share keeps some apart.")
    print_report(shown, manifest.metrics.get("test") or manifest.metrics["unseen"])
    use = f"REFEREE_MODEL={out}"
    labels_made = read_labels(out / "labels.toml")
    if labels_made.names != read_labels(SHIPPED / "labels.toml").names:
        (out / NAME).write_text(draft_policy(labels_made, manifest.curves), encoding="utf-8")
        use += f" REFEREE_POLICY={out / NAME} (a first policy for its categories: it flags and does nothing)"
    shown.print(f"The model is in {out}; MODEL_CARD.md describes it. Use it with {use}.")


def _figures(figures: dict[str, float]) -> str:
    shown = [f"{k.removeprefix('eval_')} {figures[k]:.3f}" for k in ("loss", "eval_auc", "eval_f1") if k in figures]
    return "  ".join(shown)
