"""expunge: removes training examples from a trained model, and measures how well.

Datamodel Matching (arXiv 2410.23232): predict, from models that were trained on random subsets, what a model's
outputs would be had it been trained without some examples (SubsetDatamodels), bring the model there (match_targets),
and measure the distance to models that really were (klom). Experiment runs all of it for a torch.nn.Module and a
training function of one's own.

Options have the names and defaults of the command line's and of configuration files, with underscores; words that
Python keeps for itself have one behind them (lambda_). Tensors and NumPy arrays are taken without copies. Positive
scores mean: removing the example lowers the logit or margin. All logits, margins and KLoM are in nats.
"""
import torch as _torch  # first: the libraries of _core are those that torch loads

from ._built_for import TORCH_VERSION as _TORCH_VERSION

if _torch.__version__ != _TORCH_VERSION:
    raise ImportError(f"expunge was built for torch {_TORCH_VERSION}, this is torch {_torch.__version__}; build it again: "
                      "pip install --force-reinstall --no-deps --no-cache-dir <its folder>")

from ._core import (Error, GroupStatistic, InputError, KlomSummary, LdsResult, LdsStatistic, NonFiniteError,
                    OptionError, Report, SubsetDatamodels, SystemError, UliraResult, UnlearnSummary, __version__,
                    environment, klom, lds, margins, read_safetensors, shifted_margins, subset_mask,
                    subset_predictions, summarise_klom, ulira)
from ._ensemble import Ensemble, fill_ensemble
from ._experiment import Experiment
from ._matching import Problem, logits, match_targets

__all__ = ["Ensemble", "Error", "Experiment", "GroupStatistic", "InputError", "KlomSummary", "LdsResult",
           "LdsStatistic", "NonFiniteError", "OptionError", "Problem", "Report", "SubsetDatamodels", "SystemError",
           "UliraResult", "UnlearnSummary", "__version__", "environment", "fill_ensemble", "klom", "lds", "logits",
           "margins", "match_targets", "read_safetensors", "shifted_margins", "subset_mask", "subset_predictions", "summarise_klom",
           "ulira"]
