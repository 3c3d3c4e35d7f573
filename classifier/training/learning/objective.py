"""What a network is trained to make small."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

Outputs = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Objective:
    """Hold the weights of the loss.

    `category_weights` (shape (categories,)) and `class_weights` (shape (1 + categories,)) multiply the loss of rows of
    a category; `category_shift` and `class_shift` are added to the logits while training: the logarithms of how
    frequent each is (logit adjustment, Menon et al. 2021). `r_drop` weighs how much two passes under dropout may
    differ (Liang et al. 2021).
    """

    category_loss_weight: float = 0.5
    label_smoothing: float = 0.0
    r_drop: float = 0.0
    category_weights: torch.Tensor | None = None
    class_weights: torch.Tensor | None = None
    category_shift: torch.Tensor | None = None
    class_shift: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """Hold the labels of a batch.

    `toxic` is 0..1, `category` an index or -1 where it is not known, `weight` how much the row counts. `soft` (batch,
    1 + categories), where given, is what teachers say: how much they count, then P(category | toxic).
    """

    toxic: torch.Tensor
    category: torch.Tensor
    weight: torch.Tensor
    soft: torch.Tensor | None = None

    def categories(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return P(category | toxic) of each row, and which rows have one at all (a share where only teachers say)."""
        known = (self.category >= 0).float()
        hard = functional.one_hot(self.category.clamp(min=0), count).float() * known[:, None]
        if self.soft is None:
            return hard, known
        share, soft = self.soft[:, 0], self.soft[:, 1:]
        mixed = torch.where(known[:, None] > 0, hard * (1 - share[:, None]) + soft * share[:, None], soft)
        has = torch.where(known > 0, known, share)
        return mixed, has * (self.toxic > 0).float()


def loss_of(outputs: Outputs, twin: Outputs | None, targets: Targets, objective: Objective) -> torch.Tensor:
    """Return the loss of a batch; `twin` is what a second pass under dropout gave."""
    total = _loss(outputs, targets, objective)
    if twin is None:
        return total
    apart = objective.r_drop * _difference(outputs, twin, targets.weight)
    return 0.5 * (total + _loss(twin, targets, objective)) + apart


def _loss(outputs: Outputs, targets: Targets, objective: Objective) -> torch.Tensor:
    total = torch.zeros((), device=targets.weight.device)
    if "toxic" in outputs:
        total = total + _binary(outputs["toxic"], targets, objective)
    if "category" in outputs:
        share = objective.category_loss_weight if "toxic" in outputs else 1.0
        total = total + share * _category(outputs["category"], targets, objective)
    if "classes" in outputs:
        total = total + _classes(outputs["classes"], targets, objective)
    return total


def _binary(logits: torch.Tensor, targets: Targets, objective: Objective) -> torch.Tensor:
    truth = targets.toxic * (1 - objective.label_smoothing) + 0.5 * objective.label_smoothing
    return functional.binary_cross_entropy_with_logits(logits, truth, weight=targets.weight)


def _category(logits: torch.Tensor, targets: Targets, objective: Objective) -> torch.Tensor:
    truth, has = targets.categories(logits.shape[1])
    if not bool((has > 0).any()):
        return logits.sum() * 0.0
    truth = _smoothed(truth, objective.label_smoothing)
    if objective.category_weights is not None:
        truth = truth * objective.category_weights.to(truth.device)
    shifted = logits if objective.category_shift is None else logits + objective.category_shift.to(logits.device)
    losses = -(truth * functional.log_softmax(shifted, dim=-1)).sum(-1)
    return (losses * targets.weight * has).sum() / has.sum()


def _classes(logits: torch.Tensor, targets: Targets, objective: Objective) -> torch.Tensor:
    """Return the loss over non-toxic and the categories; a row known as toxic alone may be of any of them."""
    shifted = logits if objective.class_shift is None else logits + objective.class_shift.to(logits.device)
    shares = functional.log_softmax(shifted, dim=-1)
    truth, has = targets.categories(logits.shape[1] - 1)
    truth = _smoothed(truth, objective.label_smoothing)
    weights = objective.class_weights
    clean, named = (
        (1.0, torch.ones((), device=logits.device))
        if weights is None
        else (float(weights[0]), weights[1:].to(logits.device))
    )
    of_category = -(truth * named * shares[:, 1:]).sum(-1)
    of_any = -torch.logsumexp(shares[:, 1:], dim=-1)
    toxic = has * of_category + (1 - has) * of_any
    losses = (1 - targets.toxic) * -shares[:, 0] * clean + targets.toxic * toxic
    return (losses * targets.weight).mean()


def _smoothed(truth: torch.Tensor, amount: float) -> torch.Tensor:
    return truth * (1 - amount) + truth.sum(-1, keepdim=True) * amount / truth.shape[1] if amount else truth


def _difference(first: Outputs, second: Outputs, weight: torch.Tensor) -> torch.Tensor:
    """Return the symmetric divergence of two passes, the mean over rows and the sum over heads."""
    total = torch.zeros((), device=weight.device)
    for name, logits in first.items():
        p, q = (_log_shares(name, x) for x in (logits, second[name]))
        apart = ((p.exp() - q.exp()) * (p - q)).sum(-1)
        total = total + 0.5 * (apart * weight).mean()
    return total


def _log_shares(name: str, logits: torch.Tensor) -> torch.Tensor:
    if name == "toxic":
        return torch.stack([functional.logsigmoid(logits), functional.logsigmoid(-logits)], dim=-1)
    return functional.log_softmax(logits, dim=-1)
