"""Stores of many models' masks, logits and weights."""
from __future__ import annotations

import os
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Union

import numpy
import torch

from . import _core
from ._progress import Progress, callback_of

#: What makes a row: (row, seed, members) -> a trained module, or one and notes for its file.
Maker = Callable[[int, int, torch.Tensor], Union[torch.nn.Module, Tuple[torch.nn.Module, Dict[str, str]]]]


class Ensemble:
    """A store of N models: which of the n training examples each saw, and its logits at m points.

    Reads what `expunge train`, `expunge run` and Experiment leave in a folder, finished or not.
    """

    def __init__(self, folder: Union[str, "os.PathLike[str]"]):
        """InputError if the folder holds no sound ensemble.json, SystemError if there is none."""
        self._store = _core.EnsembleStore(os.fspath(folder))

    @property
    def folder(self) -> str:
        """The store's folder."""
        return self._store.folder

    @property
    def name(self) -> str:
        """Role of the ensemble: "subset", "full", ..."""
        return self._store.name

    @property
    def models(self) -> int:
        """N, models of the finished store."""
        return self._store.models

    @property
    def n(self) -> int:
        """Training examples."""
        return self._store.n

    @property
    def m(self) -> int:
        """Evaluation points; the first n are the training set."""
        return self._store.m

    @property
    def classes(self) -> int:
        """C, classes."""
        return self._store.classes

    @property
    def settings(self) -> Dict[str, str]:
        """What the store was made for, as TOML text by name."""
        return self._store.settings

    @property
    def completed(self) -> torch.Tensor:
        """(N) bool: which rows are there."""
        return self._store.completed()

    @property
    def masks(self) -> torch.Tensor:
        """(N, n) bool, without the rows that are not there yet. Mapped from the file of a finished store; changes
        stay in memory."""
        return self._array("masks")

    @property
    def logits(self) -> torch.Tensor:
        """(N, m, C) float16 or float32, nats; otherwise as masks."""
        return self._array("logits")

    def state_dict(self, row: int) -> Dict[str, torch.Tensor]:
        """Weights of a model, for the load_state_dict() of a module like the one that was stored. InputError where
        none are kept."""
        return self._store.state_dict(row)

    def metadata(self, row: int) -> Dict[str, str]:
        """What a model's file says of it."""
        return self._store.metadata(row)

    def _array(self, name: str) -> torch.Tensor:
        if not self._store.is_finished():
            return getattr(self._store, name)()
        getattr(self._store, "check_" + name)()
        # Copy on write: a tensor over pages that must not be written to would end the process at a +=.
        return torch.from_numpy(numpy.load(os.path.join(self.folder, name + ".npy"), mmap_mode="c"))

    def __len__(self) -> int:
        return self.models

    def __repr__(self) -> str:
        there = int(self.completed.sum())
        return (f"Ensemble({self.folder!r}: {self.name}, {there} of {self.models} models, {self.n} training examples, "
                f"{self.m} points, {self.classes} classes)")


def fill_ensemble(folder: Union[str, "os.PathLike[str]"], problem: _core.Problem, make: Maker, *, name: str,
                  models: int, seed: int = 0, alpha: Optional[float] = None, scheme: str = "balanced",
                  excluded: Any = None, logits_dtype: str = "float32", weights: bool = False,
                  settings: Optional[Mapping[str, str]] = None, progress: Progress = True) -> Ensemble:
    """Opens or makes a store and fills the rows that it lacks with what `make(row, seed, members)` returns.

    make returns a torch.nn.Module trained on the examples `members` (int64 tensor of indices into the training set),
    or a pair of one and a dict of notes (texts) for its file. Its logits at all of the problem's points are what the
    store keeps. Interrupted at any instant, the same call goes on; the store refuses another problem, other sizes,
    another seed and other `settings`.

    Members are a random subset where alpha (the share that a model sees) is given, all but `excluded` otherwise.
    weights: keep each module's state_dict, as safetensors.
    """
    _core.fill_ensemble(os.fspath(folder), problem, make, name=name, models=models, seed=seed, alpha=alpha,
                        scheme=scheme, excluded=excluded, logits_dtype=logits_dtype, weights=weights,
                        settings=dict(settings or {}), progress=callback_of(progress))
    return Ensemble(folder)
