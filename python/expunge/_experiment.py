"""Datamodel Matching from beginning to end, for modules that Python trains."""
from __future__ import annotations

import hashlib
import os
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple, Union

import numpy
import torch
from torch.utils.data import Subset

from . import _core
from ._ensemble import Ensemble, fill_ensemble
from ._matching import Problem, match_targets
from ._progress import Progress


class Experiment:
    """Trains ensembles of a user's own modules, predicts removals, unlearns, and compares with retraining.

    model() makes an untrained torch.nn.Module; train(module, dataset, seed) trains it in place on a
    torch.utils.data.Subset of the problem's training set (`dataset.indices` are the examples' indices, for a data set
    of one's own). Before model() is called, torch's generators are seeded with the row's seed: modules that draw from
    them alone come out alike whenever a row is made. Everything is kept in `folder`, in the layout of
    `expunge run`, and goes on where it was when it is run again.

    settings: texts that say how models are trained (learning rate, epochs, ...). The folder refuses other ones, and
    another text of the module itself: what cannot be seen from outside, such as the code of train, belongs in there.
    Options are those of [ensembles] in a configuration (seed, subset_models, full_models, oracle_models, alpha, masks,
    logits_dtype); attribution, matching and evaluation hold those of SubsetDatamodels, match_targets and Report.
    """

    def __init__(self, folder: Union[str, "os.PathLike[str]"], problem: Problem, model: Callable[[], torch.nn.Module],
                 train: Callable[[torch.nn.Module, Subset, int], None], *, settings: Optional[Mapping[str, Any]] = None,
                 attribution: Optional[Mapping[str, Any]] = None, matching: Optional[Mapping[str, Any]] = None,
                 evaluation: Optional[Mapping[str, Any]] = None, progress: Progress = True, **options: Any):
        self.folder = os.fspath(folder)
        self.problem = problem
        self.model = model
        self.train = train
        self.progress = progress
        self.attribution = dict(attribution or {})
        self.matching = dict(matching or {})
        self.evaluation = dict(evaluation or {})
        self.options: Dict[str, Any] = _core.ensemble_options(**options)
        self._datamodels: Optional[_core.SubsetDatamodels] = None
        with torch.random.fork_rng():
            self.settings = {"module": repr(model()), **{k: str(v) for k, v in (settings or {}).items()}}

    def train_subset(self) -> Ensemble:
        """Models trained on random subsets, by which removals are predicted: FOLDER/subset."""
        return self._trained("subset", self.options["subset_models"], alpha=self.options["alpha"],
                             scheme=self.options["masks"])

    def train_full(self) -> Ensemble:
        """Models trained on all examples, to be unlearned: FOLDER/full, with weights."""
        return self._trained("full", self.options["full_models"], weights=True)

    def train_oracles(self, name: str, forget: Sequence[int]) -> Ensemble:
        """Models retrained without a forget set: FOLDER/oracle-NAME. The first half judges, the other is the floor."""
        return self._trained("oracle-" + name, self.options["oracle_models"], excluded=forget)

    def module(self, ensemble: Ensemble, row: int) -> torch.nn.Module:
        """A module with the weights of a row, in eval mode."""
        module = self.model()
        module.load_state_dict(ensemble.state_dict(row))
        return module.eval()

    def removal_shift(self, forget: Sequence[int]) -> torch.Tensor:
        """(m, C) float32: what the subset models predict that removing a forget set changes of all logits, nats."""
        if self._datamodels is None:  # one fit serves every forget set
            subset = self.train_subset()
            self._datamodels = _core.SubsetDatamodels(**self.attribution).fit(subset.masks, subset.logits)
        return self._datamodels.removal_shift(forget)

    def unlearn(self, name: str, forget: Sequence[int]) -> Ensemble:
        """Every full model brought to its own logits plus the removal shift: FOLDER/dmm-NAME, with weights; the shift
        in FOLDER/shift-NAME.npy."""
        shift = self.removal_shift(forget)
        _core.write_npy(self._path(f"shift-{name}.npy"), shift)
        full = self.train_full()
        full_logits = full.logits

        def make(row: int, seed: int, members: torch.Tensor) -> Tuple[torch.nn.Module, Dict[str, str]]:
            module = self.module(full, row)
            summary = match_targets(module, self.problem, forget, full_logits[row].float() + shift, seed=seed,
                                    **self.matching)
            return module, {"expunge.unlearned": str([int(i) for i in forget]),
                            "expunge.sample_gradients": repr(summary.sample_gradients)}

        settings = {"matching." + key: repr(value) for key, value in self.matching.items()}
        settings["shift"] = hashlib.sha256(shift.numpy().tobytes()).hexdigest()[:16]
        return self._filled("dmm-" + name, make, full.models, excluded=forget, weights=True, settings=settings)

    def evaluate(self, forget_sets: Mapping[str, Sequence[int]], *, epochs: Optional[float] = None) -> _core.Report:
        """KLoM of every method against retrained models, for forget sets by name.

        Trains, predicts and unlearns what is missing. epochs: passes over the data in one training, with which the
        costs of unlearning become shares of a training.
        """
        labels = self.problem.labels
        title = os.path.basename(os.path.abspath(self.folder))
        report = _core.Report(title, self.problem.n, subtitle=repr(self.problem), **self.evaluation)
        full = self.train_full().logits
        for name, forget in forget_sets.items():
            unlearned = self.unlearn(name, forget)
            shift = torch.from_numpy(numpy.load(self._path(f"shift-{name}.npy")))
            oracles = _core.margins(self.train_oracles(name, forget).logits, labels)
            judges = len(oracles) // 2
            report.forget_set(name, forget, oracles[:judges])
            report.method("do nothing", "nothing", _core.margins(full, labels), cost_share=0, note="the full models")
            report.method("dm-direct", "prediction", _core.shifted_margins(full, shift, labels), cost_share=0,
                          note="predicted logits, no model")
            report.method("DMM", "unlearner", _core.margins(unlearned.logits, labels),
                          cost_share=self._cost_share(unlearned, epochs), note="models brought to the predictions")
            report.method("retraining", "floor", oracles[judges:], cost_share=1, note="other oracles: the floor")
        report.up_front(self.options["subset_models"], self.options["subset_models"] * self.options["alpha"])
        for heading, values in (("How models are trained", self.settings), ("Ensembles", self.options),
                                ("Attribution", self.attribution), ("Matching", self.matching)):
            report.settings(heading, {key: str(value) for key, value in values.items()})
        return report

    def _cost_share(self, unlearned: Ensemble, epochs: Optional[float]) -> Optional[float]:
        if epochs is None:
            return None
        spent = [float(unlearned.metadata(row)["expunge.sample_gradients"]) for row in range(len(unlearned))]
        return sum(spent) / len(spent) / (epochs * self.problem.n)

    def _trained(self, name: str, models: int, **which: Any) -> Ensemble:
        def make(row: int, seed: int, members: torch.Tensor) -> torch.nn.Module:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                module = self.model()
                self.train(module, Subset(self.problem.train_set, members.tolist()), seed)
            return module

        return self._filled(name, make, models, **which)

    def _filled(self, name: str, make: Any, models: int, *, settings: Optional[Mapping[str, str]] = None,
                **which: Any) -> Ensemble:
        _core.write_npy(self._path("labels.npy"), self.problem.labels)
        return fill_ensemble(self._path(name), self.problem, make, name=name, models=models,
                             seed=self.options["seed"], logits_dtype=self.options["logits_dtype"],
                             settings={**self.settings, **(settings or {})}, progress=self.progress, **which)

    def _path(self, name: str) -> str:
        os.makedirs(self.folder, exist_ok=True)
        return os.path.join(self.folder, name)
