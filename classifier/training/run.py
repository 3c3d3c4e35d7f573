"""A whole training run: rows to a folder that can be served and fine-tuned further."""

import hashlib
import shutil
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from classifier.errors import DataError, TrainingError
from classifier.labels import LabelSet
from classifier.manifest import MANIFEST, FileRecord, Manifest, record_file
from classifier.model import load
from classifier.training.bases.start import Start, start_from
from classifier.training.data import taxonomy
from classifier.training.data.audit import audit
from classifier.training.data.corpus import Corpus, corpus_of, data_files, gather
from classifier.training.data.findings import Severity
from classifier.training.data.rows import Row
from classifier.training.learning import export
from classifier.training.learning.card import model_card
from classifier.training.learning.fit import Progress, fit
from classifier.training.learning.measure import measured
from classifier.training.learning.network import PARTS, HeadedNetwork, Part
from classifier.training.learning.teach import soft_targets
from classifier.training.recipe import RUN, Metric, Recipe

CARD = "MODEL_CARD.md"
OVERLAP = 16
_DONE = "done.safetensors"
_BEGUN = "begun.sha256"
_PACKAGES = ("torch", "transformers", "onnx", "onnxruntime", "tokenizers")
_HALF = 0.5
_MOST_AUDITED = 50_000

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Job:
    """Say what to train (the recipe names data, base and stages) and where to.

    `labels` is a file of categories; without it they are the shipped ones, or those that the data names. `base_name`
    is what the card calls the base; its own name by default.
    """

    out: Path
    recipe: Recipe
    labels: Path | None = None
    base_name: str = ""
    name: str = "referee-minilm"
    command: str = "referee model train"
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Hold what a run works with."""

    job: Job
    recipe: Recipe
    labels: LabelSet
    corpus: Corpus
    start: Start
    work: Path


def train(job: Job, *, progress: Progress | None = None, say: Say = lambda line: None) -> Manifest:
    """Train, calibrate, export and describe a model; return its manifest.

    Checkpoints stay in `OUT.work` until the run is through, so that a killed run can be resumed. Raise TrainingError,
    DataError or LabelError.
    """
    _require_room(job)
    say("reading the data")
    rows = gather(data_files([Path(name) for name in job.recipe.data]), job.recipe)
    require_sound(rows, job.recipe, say)
    return train_on(rows, job, progress=progress, say=say)


def require_sound(rows: Sequence[Row], recipe: Recipe, say: Say) -> None:
    """Say what is odd about one's own rows; raise DataError where they cannot be trained on as they are.

    Very many rows are taken as they are: `referee model data` looks at those, and takes its time.
    """
    own = [row for row in rows if not recipe.plan(row.source).extra]
    if len(own) > _MOST_AUDITED:
        return
    findings = audit(own, most_characters=recipe.most_characters).findings
    for finding in findings:
        if finding.severity is Severity.ERROR:
            raise DataError(finding.text + (f" ({', '.join(finding.at)})" if finding.at else ""))
    odd = [finding for finding in findings if finding.severity is Severity.WARNING]
    if odd:
        kinds = ", ".join(f"{finding.kind} ({finding.count:,})" if finding.count else finding.kind for finding in odd)
        say(f"odd in the data: {kinds}; `referee model data` tells where, and writes a clean set")


def train_on(
    rows: Sequence[Row], job: Job, *, progress: Progress | None = None, say: Say = lambda line: None
) -> Manifest:
    """Train as `train` does, on rows that are read already."""
    _require_room(job)
    labels = taxonomy.labels_for(rows, job.labels)
    corpus = corpus_of(rows, job.recipe, labels)
    _require_enough(corpus)
    test = f", {len(corpus.test):,} to report on" if corpus.test else ""
    say(f"{len(corpus.train):,} rows to train on, {len(corpus.unseen):,} unseen ones to choose by{test}")
    start = start_from(job.recipe.base, labels, name=job.base_name)
    recipe = replace(job.recipe, most_tokens=min(job.recipe.most_tokens, start.most_tokens))
    run = Run(job, recipe, labels, corpus, start, _work(job))
    _begin(run)
    soft = _taught(run, say)
    networks = [(part, _trained(run, part, soft, progress, say)) for part in PARTS[recipe.stages]]
    manifest = package(networks, run, say=say)
    shutil.rmtree(run.work, ignore_errors=True)
    return manifest


def package(networks: Sequence[tuple[Part, HeadedNetwork]], run: Run, *, say: Say = lambda line: None) -> Manifest:
    """Export trained networks into the run's folder, calibrated on the corpus's tune rows and measured."""
    out = run.job.out
    partial = out.with_name(out.name + ".partial")
    exact = run.work / "fp32"
    for folder in (partial, exact):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    say("exporting to ONNX and int8")
    for part, network in networks:
        export.export_onnx(network, exact / part.onnx)
        export.quantize(exact / part.onnx, partial / part.onnx)
        export.save_weights(network, partial / part.weights)
    networks[0][1].config.save_pretrained(partial)
    run.start.tokenizer.save_pretrained(partial)
    (partial / "labels.toml").write_text(taxonomy.to_toml(run.labels), encoding="utf-8")
    (partial / RUN).write_text(run.recipe.to_toml(), encoding="utf-8")
    say("calibrating and measuring")
    manifest = _manifest(partial, exact, run)
    (partial / CARD).write_text(model_card(manifest, run.labels, run.recipe), encoding="utf-8")
    (partial / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    load(partial)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(out)
    return manifest


def _require_room(job: Job) -> None:
    """Refuse what would be found in the way only after the training."""
    if job.out.is_file() or (job.out.is_dir() and any(job.out.iterdir())):
        raise TrainingError(f"{job.out} is there already; name another folder with --out")
    work = _work(job)
    if not job.resume and any(path.is_dir() for path in work.glob("*")):
        raise TrainingError(f"{work} holds checkpoints of an earlier run; go on with --resume, or remove it")


def _work(job: Job) -> Path:
    return job.out.with_name(job.out.name + ".work")


def _require_enough(corpus: Corpus) -> None:
    kinds = {row.toxic > _HALF for row in corpus.train}
    if len(kinds) < 2:
        raise TrainingError(
            "the data holds only one of toxic and non_toxic; training needs rows of both "
            "(--clean names the labels that are welcome)"
        )
    if not corpus.unseen or len({row.toxic > _HALF for row in corpus.unseen}) < 2:
        raise TrainingError(
            "there are no rows to choose by; mark some of both kinds `split: tune`, or give a --tune-share"
        )


def _begin(run: Run) -> None:
    """Write down what the run is made of; raise TrainingError where a run of something else is to be resumed."""
    digest = hashlib.sha256(run.recipe.to_toml().encode())
    digest.update(run.labels.digest().encode())
    for row in (*run.corpus.train, *run.corpus.tune):
        digest.update(f"{row.text}\0{row.toxic}\0{row.category}\0{row.weight}\n".encode("utf-8", "replace"))
    begun = run.work / _BEGUN
    if run.job.resume and begun.exists() and begun.read_bytes() != digest.hexdigest().encode():
        raise TrainingError(
            f"the run in {run.work} was begun with other data, categories or options; give the same ones again, "
            "or remove it and start anew"
        )
    run.work.mkdir(parents=True, exist_ok=True)
    begun.write_text(digest.hexdigest(), encoding="utf-8")


def _taught(run: Run, say: Say) -> NDArray[np.float64] | None:
    """Return what the recipe's teachers say of the train rows: P(toxic), how much they count, P(category | toxic)."""
    if not run.recipe.teachers:
        return None
    say(f"asking {len(run.recipe.teachers)} teachers")
    toxic, shares = soft_targets([Path(name) for name in run.recipe.teachers], run.corpus.train, run.labels)
    return np.column_stack([toxic, np.full(len(toxic), run.recipe.teacher_weight), shares])


def _trained(
    run: Run, part: Part, soft: NDArray[np.float64] | None, progress: Progress | None, say: Say
) -> HeadedNetwork:
    """Return a part's network, trained once for each seed of the soup, the weights averaged."""
    train, tune, taught = _rows_of(run, part, soft)
    states = []
    for number in range(run.recipe.soup):
        recipe = replace(run.recipe, seed=run.recipe.seed + number, metric=_metric(run.recipe, part))
        folder = run.work / f"{part.name}-{number}"
        if not (folder / _DONE).exists():
            say(f"training {part.name}" + (f", {number + 1} of {run.recipe.soup}" if run.recipe.soup > 1 else ""))
            torch.manual_seed(recipe.seed)
            network = run.start.network(part)
            fit(
                network, run.start.tokenizer, run.labels, train, tune, recipe, folder,
                soft=taught, progress=progress, resume=run.job.resume,
            )  # fmt: skip
            network.settle()
            _finish(network, folder)
        states.append(export.read_weights(folder / _DONE))
    return _averaged(run.start.network(part), states, run.recipe.base_share)


def _averaged(base: HeadedNetwork, states: Sequence[Mapping[str, torch.Tensor]], share: float) -> HeadedNetwork:
    """Return the base with the mean weights of the trained states, of which `share` stays the base's own."""
    own = export.plain_weights(base)
    mean = {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
    export.put_weights(base, {name: share * own[name].float() + (1 - share) * value for name, value in mean.items()})
    return base


def _finish(network: HeadedNetwork, folder: Path) -> None:
    """Keep the trained weights, whole or not at all, and drop the checkpoints."""
    unfinished = folder / "unfinished.safetensors"
    export.save_weights(network, unfinished, exact=True)
    unfinished.replace(folder / _DONE)
    for checkpoint in folder.glob("checkpoint-*"):
        shutil.rmtree(checkpoint, ignore_errors=True)


def _rows_of(
    run: Run, part: Part, soft: NDArray[np.float64] | None
) -> tuple[list[Row], list[Row], NDArray[np.float64] | None]:
    """Return what a part is trained and chosen on: a second stage sees toxic rows of a known category alone."""
    train, tune = list(run.corpus.train), list(run.corpus.unseen)
    if soft is not None:
        share = run.recipe.teacher_weight
        train = [
            replace(row, toxic=(1 - share) * row.toxic + share * float(p))
            for row, p in zip(train, soft[:, 0], strict=True)
        ]
    if part.name != "category":
        return train, tune, None if soft is None else soft[:, 1:]
    chosen = [i for i, row in enumerate(run.corpus.train) if row.toxic > _HALF and row.category]
    if not chosen:
        raise TrainingError("no row to train on names a category; two stages need some, or train --stages one")
    own = [train[i] for i in chosen]
    return own, [row for row in tune if row.category] or own, None if soft is None else soft[chosen, 1:]


def _metric(recipe: Recipe, part: Part) -> Metric:
    """Return the metric to choose a part's epoch by: a second stage cannot be chosen by how it tells toxic from not."""
    return "macro_f1" if part.name == "category" and recipe.metric != "loss" else recipe.metric


def _manifest(folder: Path, exact: Path, run: Run) -> Manifest:
    known = measured(
        folder, exact, run.recipe.stages, run.start.tokenizer, run.labels, run.corpus, run.recipe
    )  # fmt: skip
    parts = PARTS[run.recipe.stages]
    hashes = "".join(record_file(folder / part.onnx).sha256 for part in parts)
    return Manifest(
        name=run.job.name,
        version=(hashes if len(parts) == 1 else hashlib.sha256(hashes.encode()).hexdigest())[:8],
        stages=run.recipe.stages,
        files=_records(folder, parts),
        labels_digest=run.labels.digest(),
        window=run.recipe.most_tokens,
        overlap=min(OVERLAP, run.recipe.most_tokens // 4),
        calibration=known.calibration,
        curves=known.curves,
        class_weights=known.class_weights,
        training=_provenance(run),
        metrics=known.metrics,
    )


def _records(folder: Path, parts: Sequence[Part]) -> dict[str, FileRecord]:
    served = ("tokenizer.json", "labels.toml", *(part.onnx for part in parts))
    kept = (*export.FOR_TRAINING, RUN, *(part.weights for part in parts))
    return {name: record_file(folder / name) for name in served} | {
        name: record_file(folder / name, for_training=True) for name in kept
    }


def _provenance(run: Run) -> dict[str, Any]:
    return {
        "command": run.job.command,
        **run.start.lineage,
        "rows": run.corpus.sources(),
        "recipe": tomllib.loads(run.recipe.to_toml()),
        "versions": {name: version(name) for name in _PACKAGES},
    }
