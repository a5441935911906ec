"""The compiled part of expunge. Made by scripts/python-stubs: do not edit."""
from os import PathLike
from typing import Any, Callable, Dict, Iterable, List, Literal, Mapping, Optional, Sequence, Tuple, Union

import numpy
import torch

Array = Union[torch.Tensor, numpy.ndarray]
Indices = Union[Iterable[int], torch.Tensor, numpy.ndarray]

__version__: str


class Error(Exception):
    """What expunge raises on purpose."""


class InputError(Error, ValueError):
    """A file, array or model that is not what was required."""


class OptionError(Error, ValueError):
    """An unknown option or a value out of its range."""


class NonFiniteError(InputError, ArithmeticError):
    """NaN or infinity where a number was required."""


class SystemError(Error, OSError):
    """A read, write or other call of the operating system that failed."""


class EnsembleStore:
    """What expunge.Ensemble reads."""
    def __init__(self, folder: str) -> None: ...
    def check_logits(self) -> None: ...
    def check_masks(self) -> None: ...
    @property
    def classes(self) -> int: ...
    def completed(self) -> torch.Tensor: ...
    @property
    def folder(self) -> str: ...
    def is_complete(self) -> bool: ...
    def is_finished(self) -> bool: ...
    def logits(self) -> torch.Tensor: ...
    @property
    def m(self) -> int: ...
    def masks(self) -> torch.Tensor: ...
    def metadata(self, row: int) -> Dict[str, str]: ...
    @property
    def models(self) -> int: ...
    @property
    def n(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def settings(self) -> Dict[str, str]: ...
    def state_dict(self, row: int) -> Dict[str, torch.Tensor]: ...
    @property
    def weights(self) -> bool: ...


class GroupStatistic:
    """KLoM over a group of points, in nats; NaN where there are none."""
    @property
    def mean(self) -> float:
        """mean over the points, nats"""
    @property
    def p95(self) -> float:
        """95th percentile over the points, nats"""
    @property
    def p95_high(self) -> float:
        """upper end of the 95% interval of p95"""
    @property
    def p95_low(self) -> float:
        """lower end of the 95% interval of p95"""
    @property
    def points(self) -> int:
        """number of points"""


class KlomSummary:
    """KLoM by group of points, in nats."""
    @property
    def all(self) -> GroupStatistic:
        """GroupStatistic of all points"""
    @property
    def forget(self) -> GroupStatistic:
        """GroupStatistic of the forget set"""
    @property
    def retain(self) -> GroupStatistic:
        """GroupStatistic of the rest of the training set"""
    @property
    def validation(self) -> GroupStatistic:
        """GroupStatistic of the other points"""


class LdsResult:
    """The linear datamodelling score."""
    @property
    def constant_points(self) -> int:
        """points whose predictions or outputs are all equal, taken as 0"""
    @property
    def pearson(self) -> LdsStatistic:
        """LdsStatistic of values"""
    @property
    def spearman(self) -> LdsStatistic:
        """LdsStatistic of ranks: the LDS"""


class LdsStatistic:
    """A correlation over models, by point."""
    @property
    def high(self) -> float:
        """upper end of the mean's 95% interval"""
    @property
    def low(self) -> float:
        """lower end of the mean's 95% interval"""
    @property
    def mean(self) -> float:
        """mean over points"""
    @property
    def of_point(self) -> torch.Tensor:
        """(m) float64"""


class Problem:
    """Training set and validation points as tensors: inputs (m, ...) float32 or float64, used as they are,
    of which the first n are the training set; labels (m) int64 in [0, classes)."""
    def __init__(self, inputs: Array, labels: Array, n: int, classes: int) -> None: ...
    @property
    def classes(self) -> int:
        """number of classes"""
    @property
    def fingerprint(self) -> str:
        """digest of inputs, labels and sizes"""
    @property
    def inputs(self) -> torch.Tensor:
        """(m, ...) inputs of all points, training set first"""
    @property
    def labels(self) -> torch.Tensor:
        """(m) int64"""
    @property
    def m(self) -> int:
        """evaluation points: training set, then validation points"""
    @property
    def n(self) -> int:
        """training examples"""


class Report:
    """Methods compared with oracles, as a table and as a page that needs nothing else. n: training
    examples, the first points of all margins. For each forget set call forget_set(), then method()
    for every method, the floor among them.

    How the margins of unlearned models and oracles are compared
    ------------------------------------------------------------
    convention : corrected | easydub, default 'corrected'
        where the pooled maximum belongs: in the last bin, or in none as in EasyDUB's code
    bins : whole number, default 20
        equal bins over a point's pooled range of margins (count)
    clip : number, default 100.0
        margins are clipped to this magnitude (nats)
    floor_probability : number, default 1e-05
        least probability of an oracle's bin that an unlearned model falls in
    resamples : whole number, default 200
        random subsets of the models, 0 for no interval (count)
    seed : whole number, default 0
        seed of the subsets
    workers : whole number, default 0
        threads, 0 for one a processor; the result does not depend on it (threads)"""
    def __init__(self, title: str, n: int, *, subtitle: str = '', convention: Literal['corrected', 'easydub'] = 'corrected', bins: int = 20, clip: float = 100.0, floor_probability: float = 1e-05, resamples: int = 200, seed: int = 0, workers: int = 0) -> None: ...
    def csv(self) -> str:
        """All numbers as CSV."""
    def forget_set(self, name: str, forget: Indices, oracles: Array, *, description: str = '') -> None:
        """Begins a forget set: its indices, and the margins (No, m) float32 of the oracles that judge."""
    def html(self) -> str:
        """The page as one HTML text."""
    def json(self) -> str:
        """All numbers as JSON."""
    def method(self, name: str, role: str, margins: Array, *, cost_share: Optional[float] = None, note: str = '') -> None:
        """Adds a method's margins (N, m) float32 on the forget set begun last. role: nothing, prediction,
        unlearner, baseline, reference or floor (other oracles). cost_share: work of one request as a
        share of one training."""
    def save(self, path: str) -> None:
        """Writes the page, as a whole or not at all."""
    def settings(self, heading: str, values: Mapping[str, str]) -> None:
        """A table of settings for the end of the page: dict of str."""
    def text(self) -> str:
        """The tables and the result in a sentence, for a terminal."""
    def up_front(self, models: int, trainings: float) -> None:
        """What was paid once: subset models, and their cost in trainings of the full model."""


class SubsetDatamodels:
    """Each evaluation point's logits as a linear function of the training-set mask, fitted by ridge
    regression on subset models. SubsetDatamodels(...).fit(masks, logits).removal_shift(forget) is what
    a full model's logits would change by if it had been trained without the forget set, in nats.

    How the effect of training examples is estimated
    ------------------------------------------------
    prior : auto | own | adaptive | local | self | none, default 'auto'
        an example's effect on itself: not shrunk (own), shrunk by what similar examples say
        (adaptive), the same after comparing it with its neighbours in each model (local), shrunk
        less than others (self), shrunk as all others (none); auto: local, or adaptive where models
        are so many that local would take minutes
    lambda_ : number or "auto", default None
        ridge penalty; auto: chosen on held-out subset models
    lambda_ratio : number or "auto", default None
        ridge penalty in units of n alpha (1 - alpha), instead of lambda
    self_variance : number or "auto", default None
        extra prior variance of an example's effect on itself, for prior self; auto: 0.03 n
    folds : whole number, default 5
        parts of the subset models that are held out in turn (folds)
    held_out_points : whole number, default 1000
        evaluation points that choose lambda (points)
    held_out_seed : whole number, default 0
        seed of the draw of these points
    workers : whole number, default 0
        threads, 0 for one a processor; the result does not depend on it (threads)"""
    def __init__(self, *, prior: Literal['auto', 'own', 'adaptive', 'local', 'self', 'none'] = 'auto', lambda_: Optional[float] = None, lambda_ratio: Optional[float] = None, self_variance: Optional[float] = None, folds: int = 5, held_out_points: int = 1000, held_out_seed: int = 0, workers: int = 0) -> None: ...
    @property
    def alpha(self) -> float:
        """mean of all masks"""
    @property
    def curve(self) -> List[Tuple[float, float]]:
        """list of (ratio, error of held-out logits as a share of that of their mean)"""
    def fit(self, masks: Array, logits: Array) -> SubsetDatamodels:
        """masks (N, n) bool: which examples each model saw; logits (N, m, C) float16 or float32 in nats, the
        first n of the m points the training set. Neither is copied; both are read again by
        removal_shift(). Returns itself."""
    @property
    def lambda_(self) -> float:
        """the penalty"""
    @property
    def lambda_ratio(self) -> float:
        """the penalty as a multiple of n alpha (1 - alpha)"""
    def load(self, folder: str, masks: Array, logits: Array) -> SubsetDatamodels:
        """What save() wrote, for the same masks, logits and options. Returns itself."""
    @property
    def own_effects(self) -> torch.Tensor:
        """(n, C) float32: each training example's effect on its own logits, nats"""
    def removal_shift(self, forget: Indices) -> torch.Tensor:
        """(m, C) float32: the predicted change of all logits, in nats, if the examples `forget` (indices
        into the training set) had not been trained on."""
    def removal_shifts(self, removals: Iterable[Indices]) -> torch.Tensor:
        """(K, m, C) float32: removal_shift() of K sets, for one pass over the logits."""
    def save(self, folder: str) -> None:
        """Writes what does not depend on a forget set into a folder, for load()."""


class UliraResult:
    """How well U-LiRA tells unlearned models from oracles; 0.5 is guessing."""
    @property
    def accuracy(self) -> float:
        """share of right decisions"""
    @property
    def accuracy_high(self) -> float:
        """upper end of its 95% interval"""
    @property
    def accuracy_low(self) -> float:
        """lower end of its 95% interval"""
    @property
    def accuracy_of_point(self) -> torch.Tensor:
        """(P) float64, in the order of the points"""
    @property
    def auc(self) -> float:
        """area under the ROC of the ratio"""
    @property
    def decisions(self) -> int:
        """decisions made"""
    @property
    def examples(self) -> int:
        """points judged"""
    @property
    def standard_error(self) -> float:
        """of the accuracy, each attacked model one observation"""
    @property
    def tpr_at_01_percent(self) -> float:
        """the same at 0.1%"""
    @property
    def tpr_at_1_percent(self) -> float:
        """unlearned models found where 1% of oracles are taken for one"""


class UnlearnSummary:
    """What unlearning one model did."""
    @property
    def forget_error_after(self) -> float:
        """the same, after"""
    @property
    def forget_error_before(self) -> float:
        """root mean square of target minus logit over the forget set, before"""
    @property
    def sample_gradients(self) -> float:
        """cost: a forward and a backward pass over one example is 1"""


def ensemble_options(*, seed: int = 0, subset_models: int = 100, full_models: int = 100, oracle_models: int = 200, alpha: float = 0.8, masks: Literal['balanced', 'independent'] = 'balanced', logits_dtype: Literal['float32', 'float16'] = 'float32') -> Dict[str, Any]:
    """How many models of each kind an Experiment trains: dict, defaults where nothing is given.

    How many models of each kind are trained
    ----------------------------------------
    seed : whole number, default 0
        seed from which those of all models are derived
    subset_models : whole number, default 100
        models trained on random subsets, for attribution (models)
    full_models : whole number, default 100
        models trained on all examples, to be unlearned (models)
    oracle_models : whole number, default 200
        models retrained without the forget set, for each: half to judge by, half for oracle
        matching and the floor (models)
    alpha : number, default 0.8
        share of the examples that a subset model sees
    masks : balanced | independent, default 'balanced'
        how subsets are drawn: balanced leaves every example out equally often
    logits_dtype : float32 | float16, default 'float32'
        number format of stored logits"""


def environment() -> Dict[str, str]:
    """Versions of expunge and its libraries and the machine: dict of str."""


def fill_ensemble(folder: str, problem: Problem, make: Callable[..., Any], *, name: str, models: int, seed: int = 0, alpha: Optional[float] = None, scheme: str = 'balanced', excluded: Optional[Indices] = None, logits_dtype: str = 'float32', weights: bool = False, settings: Mapping[str, str] = {}, progress: Optional[Callable[[str, int, int, int], None]] = None) -> None:
    """Opens or makes an ensemble's store and fills the rows that it lacks with what make(row, seed, members)
    returns: a torch.nn.Module trained on the examples `members` (int64 tensor of indices into the training
    set), or a pair of one and a dict of notes for its file. It can be interrupted at any instant; the same
    call goes on.

    Members are those of a random subset where alpha is given (scheme: balanced or independent), all but
    `excluded` otherwise. The store refuses another call's problem, sizes, seed and `settings` (texts).
    weights: keep each module's state_dict. progress: a function (task, done, total, resumed) or None."""


def klom(unlearned: Array, oracles: Array, *, convention: Literal['corrected', 'easydub'] = 'corrected', bins: int = 20, clip: float = 100.0, floor_probability: float = 1e-05, workers: int = 0) -> torch.Tensor:
    """KLoM of every point in nats: how far the margins of unlearned models are from those of oracles.

    unlearned (Nu, m) and oracles (No, m): margins, float32, nats, at least 2 models a side.
    Returns (m) float64. Warns below 80 models a side. Compare figures of equal Nu and No only.

    How the margins of unlearned models and oracles are compared
    ------------------------------------------------------------
    convention : corrected | easydub, default 'corrected'
        where the pooled maximum belongs: in the last bin, or in none as in EasyDUB's code
    bins : whole number, default 20
        equal bins over a point's pooled range of margins (count)
    clip : number, default 100.0
        margins are clipped to this magnitude (nats)
    floor_probability : number, default 1e-05
        least probability of an oracle's bin that an unlearned model falls in
    workers : whole number, default 0
        threads, 0 for one a processor; the result does not depend on it (threads)"""


def lds(predictions: Array, outputs: Array, *, resamples: int = 200, resampling_seed: int = 0, workers: int = 0) -> LdsResult:
    """How well attributions predict the outputs of models that they were not fitted to.

    predictions and outputs (N, m) float32, at least 8 models. Returns an LdsResult.

    The linear datamodelling score
    ------------------------------
    resamples : whole number, default 200
        resamples of the models for the interval; 0: none (resamples)
    resampling_seed : whole number, default 0
        seed of the resamples
    workers : whole number, default 0
        threads, 0 for one a processor; the result does not depend on it (threads)"""


def logits(module: torch.nn.Module, problem: Problem, *, batch: int = 500) -> torch.Tensor:
    """Logits (m, C) of a torch.nn.Module at all points of a problem, in eval mode, `batch` at a time, on
    the CPU. NonFiniteError names the point whose logits are not finite."""


def margins(logits: Array, labels: Array, *, workers: int = 0) -> torch.Tensor:
    """Margins in nats: the label's logit minus the logsumexp of the others.

    logits (N, m, C) or (m, C) float16 or float32; labels (m) int64. Returns (N, m) or (m)
    float32. workers: threads, 0 for one a processor."""


def match_targets(module: torch.nn.Module, problem: Problem, forget: Indices, targets: Array, *, seed: int = 0, engine: Literal['kernel', 'gradient'] = 'kernel', retain_targets: Literal['own', 'predicted'] = 'own', steps: int = 0, retain_points: int = 0, damp: float = 0.01, curvature_points: int = 300, curvature_damp: float = 0.1, kernel_rows: int = 1200, learning_rate: float = 0.002, epochs: int = 16, batch_size: int = 20, forget_multiplier: int = 5, retain_multiplier: int = 10, train_mode: bool = False, optimiser: Literal['sgd', 'adam', 'adamw'] = 'adam', momentum: float = 0.9, weight_decay: float = 0.0, schedule: Literal['linear', 'constant', 'cosine', 'triangle'] = 'linear') -> UnlearnSummary:
    """Brings a torch.nn.Module to target logits on the forget set, in place, and holds other examples
    where they are: Datamodel Matching where the targets are the module's logits plus a removal shift.

    module: takes a batch of the problem's inputs, returns logits (batch, classes). Parameters that
    require no gradient are left alone; BatchNorm works by its running statistics unless train_mode.
    forget: indices into the training set; targets (m, C) float32, of which the forget set's rows
    count. seed decides which retained examples are drawn. If it raises, the module is as it was.
    The kernel engine holds the Jacobian: about (C |F| + 150) times the number of parameters, as
    float32. Returns an UnlearnSummary.

    How a model is brought to its target logits
    -------------------------------------------
    engine : kernel | gradient, default 'kernel'
        kernel: smallest change of the weights that reaches the targets; gradient: the paper's
        fine-tuning
    retain_targets : own | predicted, default 'own'
        what retained examples are held to: the full model's own logits, or their predicted ones
    steps : whole number, default 0
        kernel engine: steps; 0 for the rule in |F| and n (steps)
    retain_points : whole number, default 0
        kernel engine: retained examples drawn for each step; 0 for the rule in |F| and n (examples)
    damp : number, default 0.01
        kernel engine: damping as a share of the kernel's mean diagonal
    curvature_points : whole number, default 300
        kernel engine: retained examples by which it learns which changes of the weights move
        logits; 0 to count all changes alike (examples)
    curvature_damp : number, default 0.1
        kernel engine: damping of the curvature as a share of its mean diagonal
    kernel_rows : whole number, default 1200
        kernel engine: logits that one solution takes, about; more forget examples than have these
        are taken in parts (rows)
    learning_rate : number, default 0.002
        gradient engine: largest learning rate
    epochs : whole number, default 16
        gradient engine: passes over the drawn examples (passes)
    batch_size : whole number, default 20
        gradient engine: examples of one step (examples)
    forget_multiplier : whole number, default 5
        gradient engine: times each forget example is seen a pass
    retain_multiplier : whole number, default 10
        gradient engine: retained examples drawn a pass, as a multiple of |F|
    train_mode : true or false, default False
        gradient engine: BatchNorm by batch statistics while matching
    optimiser : sgd | adam | adamw, default 'adam'
        gradient engine: what turns a gradient into a step
    momentum : number, default 0.9
        gradient engine: momentum of sgd
    weight_decay : number, default 0.0
        gradient engine: pull of every parameter towards 0
    schedule : linear | constant | cosine | triangle, default 'linear'
        gradient engine: course of the learning rate"""


def read_safetensors(path: str) -> Dict[str, torch.Tensor]:
    """Tensors of a weight file by name, a state_dict."""


def shifted_margins(logits: Array, shift: Array, labels: Array, *, workers: int = 0) -> torch.Tensor:
    """Margins (N, m) of logits (N, m, C) to each of which a shift (m, C) float32 is added: what is
    predicted of models without fine-tuning any (dm-direct)."""


def subset_mask(n: int, row: int, *, seed: int = 0, alpha: float = 0.8, scheme: Literal['balanced', 'independent'] = 'balanced') -> torch.Tensor:
    """(n) bool: which of n training examples subset model `row` sees. It depends on the arguments alone.

    Which examples a subset model sees
    ----------------------------------
    alpha : number, default 0.8
        share of the examples that a subset model sees
    scheme : balanced | independent, default 'balanced'
        how subsets are drawn"""


def subset_predictions(masks: Array, scores: Array) -> torch.Tensor:
    """What scores (n, m) float32 predict of models with masks (N, n) bool: (N, m) float32, each the sum
    of the scores of the examples that the model saw. A score is positive where training on the
    example raises the output."""


def summarise_klom(unlearned: Array, oracles: Array, n: int, forget: Indices, *, convention: Literal['corrected', 'easydub'] = 'corrected', bins: int = 20, clip: float = 100.0, floor_probability: float = 1e-05, resamples: int = 200, seed: int = 0, workers: int = 0) -> KlomSummary:
    """KLoM of the forget set, the retain set, the validation points and all points, each as its 95th
    percentile with a 95% interval and its mean, in nats.

    unlearned (Nu, m) and oracles (No, m): margins, float32, nats; the first n of the m points are the
    training set. forget: indices into it. Returns a KlomSummary.

    How the margins of unlearned models and oracles are compared
    ------------------------------------------------------------
    convention : corrected | easydub, default 'corrected'
        where the pooled maximum belongs: in the last bin, or in none as in EasyDUB's code
    bins : whole number, default 20
        equal bins over a point's pooled range of margins (count)
    clip : number, default 100.0
        margins are clipped to this magnitude (nats)
    floor_probability : number, default 1e-05
        least probability of an oracle's bin that an unlearned model falls in
    resamples : whole number, default 200
        random subsets of the models, 0 for no interval (count)
    seed : whole number, default 0
        seed of the subsets
    workers : whole number, default 0
        threads, 0 for one a processor; the result does not depend on it (threads)"""


def ulira(unlearned: Array, oracles: Array, points: Indices, *, seed: int = 0, workers: int = 0) -> UliraResult:
    """The likelihood-ratio attack: can one model's margin tell whether it was unlearned or retrained?

    unlearned (Nu, m) and oracles (No, m): margins, float32, nats, at least 4 models a side. points:
    indices into the m points, usually the forget set. Returns a UliraResult.

    The likelihood-ratio attack on unlearned models
    -----------------------------------------------
    seed : whole number, default 0
        which half of each side's models is fitted, which is attacked
    workers : whole number, default 0
        threads, 0 for one a processor; the result does not depend on it (threads)"""


def write_npy(path: str, array: Array) -> None:
    """Writes a tensor as NumPy's .npy, as a whole or not at all."""
