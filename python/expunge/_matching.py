"""Data sets as problems, and bringing a module to target logits."""
from __future__ import annotations

import contextlib
from typing import Any, Iterator, Optional, Sequence, Tuple, Union

import torch
from torch.utils.data import Dataset, TensorDataset

from . import _core

#: A map-style data set of pairs (input, label), or inputs (n, ...) and labels (n).
Data = Union[Dataset, Tuple[torch.Tensor, torch.Tensor]]


def _dataset(data: Data, what: str) -> Dataset:
    if isinstance(data, tuple):
        if len(data) != 2:
            raise _core.InputError(f"{what}: inputs and labels required, got {len(data)} things")
        inputs, labels = (torch.as_tensor(part) for part in data)
        if inputs.dim() == 0 or labels.dim() != 1 or len(inputs) != len(labels):
            raise _core.InputError(f"{what}: inputs (n, ...) and labels (n) required, got {tuple(inputs.shape)} and "
                                   f"{tuple(labels.shape)}")
        return TensorDataset(inputs, labels)
    if not hasattr(data, "__len__") or not hasattr(data, "__getitem__"):
        raise _core.InputError(f"{what}: a map-style data set or a pair of tensors required, got "
                               f"{type(data).__name__}")
    return data


def _arrays(dataset: Dataset, what: str) -> Tuple[torch.Tensor, torch.Tensor]:
    """All items of a data set, side by side."""
    if isinstance(dataset, TensorDataset) and len(dataset.tensors) == 2:
        inputs, labels = dataset.tensors
    else:
        items = [dataset[i] for i in range(len(dataset))]
        try:
            inputs = torch.stack([torch.as_tensor(item[0]) for item in items])
            labels = torch.stack([torch.as_tensor(item[1]) for item in items])
        except (TypeError, IndexError, KeyError, ValueError, RuntimeError) as error:
            raise _core.InputError(f"{what}: pairs of a tensor, all of one shape, and a label required: "
                                   f"{str(error).splitlines()[0]}") from error
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise _core.InputError(f"{what}: whole numbers as labels required, got {labels.dtype}")
    return inputs, labels.long()


class Problem(_core.Problem):
    """What models are trained and judged on: a training set S of n examples, and validation points behind it.

    train, validation: map-style data sets of pairs (input, label), or pairs of tensors (inputs, labels). Inputs are
    float32 or float64 of any one shape, used as they are; labels are whole numbers from 0. All inputs are held in
    memory, read once: a data set that augments its examples at random belongs into one's training function, the plain
    one here.
    """

    def __init__(self, train: Data, validation: Optional[Data] = None, *, classes: Optional[int] = None):
        self.train_set = _dataset(train, "train")
        inputs, labels = _arrays(self.train_set, "train")
        n = len(labels)
        if validation is not None:
            more_inputs, more_labels = _arrays(_dataset(validation, "validation"), "validation")
            if more_inputs.shape[1:] != inputs.shape[1:] or more_inputs.dtype != inputs.dtype:
                raise _core.InputError(
                    f"validation: inputs {tuple(inputs.shape[1:])} of {inputs.dtype} as in the training set required, "
                    f"got {tuple(more_inputs.shape[1:])} of {more_inputs.dtype}")
            inputs = torch.cat([inputs, more_inputs])
            labels = torch.cat([labels, more_labels])
        if classes is None:
            classes = int(labels.max()) + 1 if len(labels) else 0
        super().__init__(inputs, labels, n, classes)


@contextlib.contextmanager
def _modes_kept(module: Any) -> Iterator[None]:
    """Leaves each part of a module in the mode, train or eval, in which it was."""
    modes = [(part, part.training) for part in module.modules()] if isinstance(module, torch.nn.Module) else []
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def match_targets(module: torch.nn.Module, problem: _core.Problem, forget: Sequence[int], targets: torch.Tensor, *,
                  seed: int = 0, **options: Any) -> _core.UnlearnSummary:
    with _modes_kept(module):
        return _core.match_targets(module, problem, forget, targets, seed=seed, **options)


def logits(module: torch.nn.Module, problem: _core.Problem, *, batch: int = 500) -> torch.Tensor:
    with _modes_kept(module):
        return _core.logits(module, problem, batch=batch)


def _document(function: Any) -> None:
    """The options' names, defaults and help have one source, the library's."""
    source = getattr(_core, function.__name__)
    function.__doc__ = source.__doc__
    function.__text_signature__ = source.__text_signature__


for _function in (match_targets, logits):
    _document(_function)
