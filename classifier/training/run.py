"""A whole training run: rows to a folder that can be served and fine-tuned further."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from classifier.calibrate import Calibration, ThresholdCurve, fit_platt, fit_temperature, measure_curve
from classifier.errors import ThresholdError, TrainingError
from classifier.labels import LabelSet, read_labels
from classifier.manifest import MANIFEST, FileRecord, Manifest, Stages, read_manifest, record_file, verify_files
from classifier.model import SHIPPED, load
from classifier.stages import hierarchical
from classifier.training import export
from classifier.training.card import model_card
from classifier.training.corpus import Corpus, build_corpus, data_files
from classifier.training.fit import Progress, fit
from classifier.training.metrics import agreement, flag_threshold, report
from classifier.training.network import TwoHeadNetwork, network_from_base
from classifier.training.recipe import Recipe
from classifier.training.rows import Row
from classifier.verdict import Verdict

CARD = "MODEL_CARD.md"
OVERLAP = 16
_FEWEST_TO_CALIBRATE = 50
_PACKAGES = ("torch", "transformers", "onnx", "onnxruntime", "tokenizers")

Say = Callable[[str], None]
Lineage = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """Say what to train, from which base (None: the shipped checkpoint), by which recipe, and where to.

    `base_name` is what the card calls the base; its folder's name by default.
    """

    files: tuple[Path, ...]
    out: Path
    recipe: Recipe
    base: str | None = None
    base_name: str = ""
    labels: Path = SHIPPED / "labels.toml"
    name: str = "referee-minilm"
    command: str = "referee model train"
    resume: bool = False


def train(job: Job, *, progress: Progress | None = None, say: Say = lambda line: None) -> Manifest:
    """Train, calibrate, export and describe a model; return its manifest.

    Checkpoints stay in `OUT.work` until the run is through, so that a killed run can be resumed. Raise TrainingError,
    DataError or LabelError.
    """
    _require_room(job)
    labels = read_labels(job.labels)
    say("reading the data")
    corpus = build_corpus(data_files(job.files), job.recipe, labels)
    _require_enough(corpus)
    say(f"{len(corpus.train):,} rows to train on, {len(corpus.unseen):,} unseen ones to choose by")
    network, tokenizer, lineage = _start(job, labels)
    work = _work(job)
    fit(network, tokenizer, labels, corpus.train, corpus.unseen, job.recipe, work, progress=progress, resume=job.resume)
    manifest = package(network, tokenizer, labels, corpus, job, lineage, say=say)
    shutil.rmtree(work, ignore_errors=True)
    return manifest


def package(
    network: TwoHeadNetwork,
    tokenizer: PreTrainedTokenizerBase,
    labels: LabelSet,
    corpus: Corpus,
    job: Job,
    lineage: Lineage,
    *,
    say: Say = lambda line: None,
) -> Manifest:
    """Export a trained network into `job.out`, calibrated on the corpus's tune rows and measured there."""
    partial = job.out.with_name(job.out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    say("exporting to ONNX and int8")
    fp32 = partial / "fp32.onnx"
    export.export_onnx(network, fp32)
    export.quantize(fp32, partial / "model.onnx")
    export.save_weights(network, tokenizer, partial)
    shutil.copyfile(job.labels, partial / "labels.toml")
    say("calibrating and measuring")
    manifest = _measured(partial, fp32, tokenizer, labels, corpus, job, lineage)
    fp32.unlink()
    (partial / CARD).write_text(model_card(manifest, labels, job.recipe), encoding="utf-8")
    (partial / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    load(partial)
    job.out.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(job.out)
    return manifest


def _require_room(job: Job) -> None:
    """Refuse what would be found in the way only after the training."""
    if job.out.is_file() or (job.out.is_dir() and any(job.out.iterdir())):
        raise TrainingError(f"{job.out} is there already; name another folder with --out")
    work = _work(job)
    if not job.resume and any(work.glob("checkpoint-*")):
        raise TrainingError(f"{work} holds checkpoints of an earlier run; go on with --resume, or remove it")


def _work(job: Job) -> Path:
    return job.out.with_name(job.out.name + ".work")


def _require_enough(corpus: Corpus) -> None:
    kinds = {row.toxic > 0.5 for row in corpus.train}
    if len(kinds) < 2:
        raise TrainingError("the data holds only one of toxic and non_toxic; training needs rows of both")
    if not corpus.unseen or len({row.toxic > 0.5 for row in corpus.unseen}) < 2:
        raise TrainingError(
            "there are no rows to choose by; mark some of both kinds `split: tune`, or give the source a tune_share"
        )


def _start(job: Job, labels: LabelSet) -> tuple[TwoHeadNetwork, PreTrainedTokenizerBase, Lineage]:
    """Return the network and tokenizer to start from, and where they come from."""
    folder = Path(job.base) if job.base else SHIPPED
    try:
        if (folder / export.WEIGHTS).exists():
            manifest = read_manifest(folder)
            verify_files(folder, manifest, training=True)
            same = read_labels(folder / "labels.toml").names == labels.names
            network = export.load_weights(folder, len(labels.names), keep_head=same)
            network.category_loss_weight = job.recipe.category_loss_weight
            return network, AutoTokenizer.from_pretrained(str(folder)), _lineage(manifest)
        base = str(job.base)
        network = network_from_base(base, len(labels.names), category_loss_weight=job.recipe.category_loss_weight)
        return network, AutoTokenizer.from_pretrained(base), {"base": job.base_name or Path(base).name}
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"the base {job.base or folder} cannot be loaded: {error}") from error


def _lineage(parent: Manifest) -> Lineage:
    """Return what a model trained from another one says of its origin: the first base, and every run since."""
    training = parent.training
    return {
        "base": training.get("base", parent.name),
        "parent": f"{parent.name}-{parent.version}",
        "earlier_commands": [*training.get("earlier_commands", []), training.get("command", "unknown")],
    }


def _measured(
    folder: Path,
    fp32: Path,
    tokenizer: PreTrainedTokenizerBase,
    labels: LabelSet,
    corpus: Corpus,
    job: Job,
    lineage: Lineage,
) -> Manifest:
    rows = corpus.tune
    ids = tokenizer([row.text for row in rows], truncation=True, max_length=job.recipe.most_tokens)["input_ids"]
    served = export.onnx_logits(folder / "model.onnx", ids)
    exact = export.onnx_logits(fp32, ids)
    unseen_texts = {row.text for row in corpus.unseen}
    unseen = np.array([row.text in unseen_texts for row in rows])
    home = _home(rows, job.recipe, unseen)
    calibration = _calibrate(served, rows, labels, unseen & home)
    verdicts = _verdicts(served, labels, calibration)
    curves = _curves([v for v, at_home in zip(verdicts, home, strict=True) if at_home], rows, home, labels)
    flag = flag_threshold(curves)
    fresh = [i for i in range(len(rows)) if unseen[i]]
    return Manifest(
        name=job.name,
        version=record_file(folder / "model.onnx").sha256[:8],
        stages=Stages.HIERARCHICAL,
        files=_records(folder),
        labels_digest=labels.digest(),
        window=job.recipe.most_tokens,
        overlap=min(OVERLAP, job.recipe.most_tokens // 4),
        calibration=calibration,
        curves=curves,
        training=_provenance(job, corpus, lineage),
        metrics={
            "unseen": report([rows[i] for i in fresh], [verdicts[i] for i in fresh], flag=flag),
            "stream": report(rows, verdicts, flag=flag),
            "int8_beside_fp32": agreement(
                [v.toxic for v in _verdicts(exact, labels, calibration)], [v.toxic for v in verdicts], flag
            ),
        },
    )


def _home(rows: Sequence[Row], recipe: Recipe, unseen: np.ndarray) -> np.ndarray:
    """Return which rows are of the register to calibrate on; all where the recipe's sources hold too few of a kind."""
    home = np.array([row.source in recipe.calibrate_on for row in rows])
    kinds = {row.toxic > 0.5 for row, chosen in zip(rows, home & unseen, strict=True) if chosen}
    return home if home.sum() >= _FEWEST_TO_CALIBRATE and len(kinds) == 2 else np.ones(len(rows), dtype=bool)


def _calibrate(logits: export.Logits, rows: Sequence[Row], labels: LabelSet, chosen: np.ndarray) -> Calibration:
    truth = np.array([row.toxic for row in rows])
    scale, bias = fit_platt(logits.toxic[chosen], truth[chosen])
    if round(scale, 6) <= 0:
        raise TrainingError(
            "the model has learned nothing: on the tune rows its scores do not rise with toxicity; "
            "train for more epochs or on more rows"
        )
    names = {name: i for i, name in enumerate(labels.names)}
    known = [i for i, row in enumerate(rows) if row.category]
    target = np.array([names[rows[i].category or ""] for i in known], dtype=np.int64)
    temperature = fit_temperature(logits.category[known], target) if known else 1.0
    return Calibration(round(scale, 6), round(bias, 6), round(temperature, 6))


def _verdicts(logits: export.Logits, labels: LabelSet, calibration: Calibration) -> list[Verdict]:
    read = hierarchical(logits.toxic, logits.category, calibration)
    return [
        Verdict(float(toxic), dict(zip(labels.names, map(float, categories), strict=True)), "measured")
        for toxic, categories in zip(read.toxic, read.categories, strict=True)
    ]


def _curves(
    verdicts: Sequence[Verdict], rows: Sequence[Row], home: np.ndarray, labels: LabelSet
) -> dict[str, ThresholdCurve]:
    """Return the curve of P(toxic) and of each category over clean messages; none where they are too few."""
    at_home = [row for row, chosen in zip(rows, home, strict=True) if chosen]
    clean = [v for v, row in zip(verdicts, at_home, strict=True) if row.toxic < 0.5]
    try:
        return {
            "toxic": measure_curve(np.array([v.toxic for v in clean])),
            **{name: measure_curve(np.array([v.categories[name] for v in clean])) for name in labels.names},
        }
    except ThresholdError:
        return {}


def _records(folder: Path) -> dict[str, FileRecord]:
    served = {name: record_file(folder / name) for name in ("model.onnx", "tokenizer.json", "labels.toml")}
    kept = {name: record_file(folder / name, for_training=True) for name in export.FOR_TRAINING}
    return {**served, **kept}


def _provenance(job: Job, corpus: Corpus, lineage: Lineage) -> dict[str, Any]:
    recipe = asdict(replace(job.recipe, sources={}))
    recipe["sources"] = {name: asdict(plan) for name, plan in job.recipe.sources.items()}
    return {
        "command": job.command,
        **lineage,
        "rows": corpus.sources(),
        "recipe": recipe,
        "versions": {name: version(name) for name in _PACKAGES},
    }
