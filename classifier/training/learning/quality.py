"""How good a network is while it trains: figures by which the best epoch is chosen."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

Arrays = Mapping[str, NDArray[np.floating]]

_SHARE_OF_CATEGORIES = 0.25


def quality(outputs: Arrays, toxic: NDArray[np.floating], category: NDArray[np.integer]) -> dict[str, float]:
    """Return ranking and classification figures of the logits of each head.

    `toxic` is 0..1 and `category` an index or -1. `score` weighs ranking and categories; `macro_f1` is over non-toxic
    and the categories where the network tells both, else over what it tells.
    """
    truth = toxic > 0.5
    known = category >= 0
    binary, named = toxic_logit(outputs), category_logits(outputs)
    figures: dict[str, float] = {}
    if binary is not None:
        figures |= _ranking(binary, truth)
    if named is not None:
        figures["category_macro_f1"] = _macro(named[known].argmax(-1), category[known]) if known.any() else 0.0
    figures["macro_f1"] = _macro_of_all(binary, named, truth, category, figures)
    figures["score"] = figures.get("auc", 0.0) + _SHARE_OF_CATEGORIES * figures.get("category_macro_f1", 0.0)
    return figures


def toxic_logit(outputs: Arrays) -> NDArray[np.floating] | None:
    """Return the logit of P(toxic), shape (n,), of whatever head tells it."""
    if "classes" in outputs:
        classes = outputs["classes"].astype(np.float64)
        return np.asarray(np.logaddexp.reduce(classes[:, 1:], axis=1) - classes[:, 0])
    return outputs.get("toxic")


def category_logits(outputs: Arrays) -> NDArray[np.floating] | None:
    """Return the logits of the categories, shape (n, categories), of whatever head tells them."""
    return outputs["classes"][:, 1:] if "classes" in outputs else outputs.get("category")


def _ranking(logits: NDArray[np.floating], truth: NDArray[np.bool_]) -> dict[str, float]:
    both = bool(truth.any() and not truth.all())
    return {
        "auc": float(roc_auc_score(truth, logits)) if both else 0.5,
        "average_precision": float(average_precision_score(truth, logits)) if truth.any() else 0.0,
        "f1": float(f1_score(truth, logits > 0, zero_division=0)),
    }


def _macro_of_all(
    binary: NDArray[np.floating] | None,
    named: NDArray[np.floating] | None,
    truth: NDArray[np.bool_],
    category: NDArray[np.integer],
    figures: Mapping[str, float],
) -> float:
    if binary is None:
        return figures["category_macro_f1"]
    if named is None:
        return _macro((binary > 0).astype(int), truth.astype(int))
    rows = ~truth | (category >= 0)
    said = np.where(binary > 0, 1 + named.argmax(-1), 0)
    real = np.where(truth, 1 + category, 0)
    return _macro(said[rows], real[rows])


def _macro(said: NDArray[np.integer], real: NDArray[np.integer]) -> float:
    return float(f1_score(real, said, average="macro", zero_division=0))
