#!/usr/bin/env python3
"""Fits ridge datamodels and predicts one removal by other programs, and prints the seconds.

usage: ridge.py MODE MASKS.npy MARGINS.npy --lambda L [--forget 100] [--models N] [--examples n] [--points m]
                [--threads 2] [--repeats 3] [--dtype float32] [--compare SHIFT.npy]

MASKS (N, n) bool, MARGINS (N, m) float32, as benchmarks/ridge_benchmark.cpp reads them; `--models`, `--examples` and
`--points` take the first ones only, all if 0. The first `forget` examples are removed. All solve the same problem as
ridge_benchmark with prior `none`: masks less the mean of all their entries, margins less their mean over models,
penalty L |beta|^2, no intercept; the shift is minus the sum of the forgotten examples' coefficients.

Modes:
  sklearn   sklearn.linear_model.Ridge with its own choice of solver: coefficients of all examples on all points
  dual      NumPy and SciPy as one writes it who knows that the coefficients are not needed: G = A A' + L, factorised,
            w = G^-1 A 1_F, and w'Y; G and w in float64, as the program has them

Prints one JSON line: seconds of each repeat, from arrays in memory to the shift, and the process's peak memory.
`--dtype` is that of sklearn's masks and margins. `--compare` prints the largest difference from SHIFT (m) as a share
of the largest shift.
"""
import argparse
import json
import sys
import time

import numpy as np
from arrays import first_of, peak_mib


def sklearn_shift(masks, margins, forget, penalty, dtype):
    from sklearn.linear_model import Ridge

    x = masks.astype(dtype)
    x -= masks.mean()
    y = margins.astype(dtype)
    y -= y.mean(0)
    model = Ridge(alpha=penalty, fit_intercept=False, copy_X=False).fit(x, y)
    return -model.coef_[:, :forget].sum(1)


def dual_shift(masks, margins, forget, penalty):
    from scipy.linalg import cho_factor, cho_solve

    a = masks.astype(np.float32)
    alpha = masks.mean()
    # Counts below 2^24 are exact in float32: the mean goes off the products, not off the masks.
    sums = masks.sum(1, dtype=np.float64)
    gram = (a @ a.T).astype(np.float64)
    gram += -alpha * (sums[:, None] + sums) + alpha**2 * masks.shape[1]
    gram[np.diag_indices_from(gram)] += penalty
    v = masks[:, :forget].sum(1) - alpha * forget
    w = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), v)
    return -((w - w.mean()).astype(np.float32) @ margins)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["sklearn", "dual"])
    parser.add_argument("masks")
    parser.add_argument("margins")
    parser.add_argument("--lambda", type=float, required=True, dest="penalty")
    parser.add_argument("--forget", type=int, default=100)
    parser.add_argument("--models", type=int, default=0)
    parser.add_argument("--examples", type=int, default=0)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--compare")
    given = parser.parse_args()
    from threadpoolctl import threadpool_limits

    import sklearn.linear_model  # noqa: F401  its import is not in the time
    import scipy.linalg  # noqa: F401

    masks = first_of(given.masks, given.models, given.examples, np.bool_)
    margins = first_of(given.margins, given.models, given.points, np.float32)
    if not 0 < given.forget < masks.shape[1]:
        sys.exit(f"ridge.py: --forget: from 1 to {masks.shape[1] - 1} required, got {given.forget}")
    seconds = []
    with threadpool_limits(given.threads):
        for _ in range(given.repeats):
            begin = time.perf_counter()
            if given.mode == "sklearn":
                shift = sklearn_shift(masks, margins, given.forget, given.penalty, np.dtype(given.dtype))
            else:
                shift = dual_shift(masks, margins, given.forget, given.penalty)
            seconds.append(round(time.perf_counter() - begin, 6))
    result = {"mode": given.mode, "models": masks.shape[0], "examples": masks.shape[1], "points": margins.shape[1],
              "seconds": seconds, "peak_MiB": peak_mib()}
    if given.compare:
        ours = np.load(given.compare).astype(np.float64)
        result["largest_difference"] = float(np.abs(ours - shift).max() / np.abs(ours).max())
    print(json.dumps(result))


if __name__ == "__main__":
    main()
