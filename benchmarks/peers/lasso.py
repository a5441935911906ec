#!/usr/bin/env python3
"""Solves LASSO regressions of many targets on the same masks by other programs, and prints the seconds.

usage: lasso.py MODE MASKS.npy TARGETS.npy [--share 0.1] [--tolerance 1e-4] [--threads 2] [--repeats 5]
                [--compare BETA.npy]

MASKS (N, n) bool, TARGETS (T, N) float32, as benchmarks/lasso_benchmark.cpp reads them. Each target's penalty
is `share` of its largest useful one; all stop at a duality gap of tolerance |y - mean|^2 / (2 N).

Modes:
  fista        batched FISTA in PyTorch, float32: two matrix products over all targets an iteration, restarted
               where the momentum points uphill, the gap looked at every 10 iterations
  fista64      the same in float64
  sklearn      sklearn.linear_model.Lasso with a Gram matrix computed once (in the time), targets over threads
  celer        celer.Lasso, targets over threads
  adelie       adelie.GroupElasticNet, targets over threads

Prints one JSON line: seconds of each repeat, from arrays in memory to coefficients, the process's peak memory, and
the largest gap found by the definition in float64. `--compare` prints how far the fits of BETA (T, n) are from
these, as a share of the targets' deviation.
"""
import argparse
import concurrent.futures
import importlib
import json
import time

import numpy as np
from arrays import peak_mib


def largest_gap(x, y, beta, lambdas):
    """The largest relative duality gap, x (N, n) centred, y (T, N) centred, beta (T, n), float64."""
    models = x.shape[0]
    gaps = []
    for t in range(y.shape[0]):
        r = y[t] - x @ beta[t]
        r -= r.mean()
        largest = np.abs(x.T @ r).max() / models
        s = min(1, lambdas[t] / largest) if largest > 0 else 1
        primal = r @ r / (2 * models) + lambdas[t] * np.abs(beta[t]).sum()
        dual = (s * (y[t] @ r) - s * s * (r @ r) / 2) / models
        gaps.append((primal - dual) / (y[t] @ y[t] / (2 * models)))
    return max(gaps)


def fista(masks, targets, share, tolerance, dtype, threads):
    import torch

    torch.set_num_threads(threads)
    dtype = getattr(torch, dtype)
    x = torch.from_numpy(masks).to(dtype)
    x -= x.mean(0)
    y = torch.from_numpy(targets).to(dtype)
    y = y - y.mean(1, keepdim=True)
    models = x.shape[0]
    start = y @ x / models
    lambdas = share * start.abs().amax(1, keepdim=True)
    v = torch.ones(x.shape[1], dtype=dtype)
    for _ in range(15):
        v = x.T @ (x @ v)
        v /= v.norm()
    step = 1 / (1.02 * (x @ v).square().sum() / models)
    power = y.square().sum(1) / models
    beta = torch.zeros_like(start)
    ahead, momentum = beta, 1.0
    for iteration in range(1, 100000):
        r = y - ahead @ x.T
        c = r @ x / models
        following = (ahead + step * c).sign() * ((ahead + step * c).abs() - step * lambdas).clamp_min(0)
        if ((ahead - following) * (following - beta)).sum() > 0:
            momentum = 1.0
        larger = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = following + (momentum - 1) / larger * (following - beta)
        beta, momentum = following, larger
        if iteration % 10 == 0:
            r = y - beta @ x.T
            c = r @ x / models
            scale = (lambdas[:, 0] / c.abs().amax(1)).clamp_max(1)
            rr = r.square().sum(1) / models
            primal = rr / 2 + lambdas[:, 0] * beta.abs().sum(1)
            dual = scale * (y * r).sum(1) / models - scale**2 * rr / 2
            if ((primal - dual) / (power / 2)).max() <= tolerance:
                break
    return beta.double().numpy(), iteration


def prepared(masks, targets, share):
    """Centred masks by columns, centred targets by rows, float64; and the penalties."""
    x = masks.astype(np.float64)
    x = np.asfortranarray(x - x.mean(0))
    y = targets.astype(np.float64)
    y = y - y.mean(1, keepdims=True)
    return x, y, share * np.abs(y @ x).max(1) / x.shape[0]


def over_threads(threads, targets, solve):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(solve, range(targets))))


def sklearn_all(masks, targets, share, tolerance, threads):
    from sklearn.linear_model import Lasso

    x, y, lambdas = prepared(masks, targets, share)
    gram = x.T @ x

    def solve(t):
        model = Lasso(alpha=lambdas[t], fit_intercept=False, precompute=gram, tol=tolerance, max_iter=100000)
        return model.fit(x, y[t]).coef_

    return over_threads(threads, len(y), solve), 0


def celer_all(masks, targets, share, tolerance, threads):
    from celer import Lasso

    x, y, lambdas = prepared(masks, targets, share)

    def solve(t):
        return Lasso(alpha=lambdas[t], fit_intercept=False, tol=tolerance).fit(x, y[t]).coef_

    return over_threads(threads, len(y), solve), 0


def adelie_all(masks, targets, share, tolerance, threads):
    import adelie

    x, y, lambdas = prepared(masks, targets, share)
    matrix = adelie.matrix.dense(x, method="naive", n_threads=threads)

    def solve(t):
        state = adelie.grpnet(X=matrix, glm=adelie.glm.gaussian(y=y[t]), lmda_path=[lambdas[t]], intercept=False,
                              tol=tolerance * (y[t] @ y[t]) / len(y[t]) * 1e-3, early_exit=False,
                              progress_bar=False, n_threads=threads)
        return np.asarray(state.betas[-1].todense())[0]

    return np.stack([solve(t) for t in range(len(y))]), 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["fista", "fista64", "sklearn", "celer", "adelie"])
    parser.add_argument("masks")
    parser.add_argument("targets")
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--compare")
    options = parser.parse_args()
    # Here: not in the time, and no mode's memory has what another needs.
    importlib.import_module({"fista": "torch", "fista64": "torch", "sklearn": "sklearn.linear_model"}.get(
        options.mode, options.mode))
    masks = np.load(options.masks)
    targets = np.load(options.targets)
    seconds = []
    for _ in range(options.repeats):
        begin = time.perf_counter()
        if options.mode.startswith("fista"):
            dtype = "float64" if options.mode == "fista64" else "float32"
            beta, iterations = fista(masks, targets, options.share, options.tolerance, dtype, options.threads)
        else:
            solve = {"sklearn": sklearn_all, "celer": celer_all, "adelie": adelie_all}[options.mode]
            beta, iterations = solve(masks, targets, options.share, options.tolerance, options.threads)
        seconds.append(round(time.perf_counter() - begin, 4))
    peak = peak_mib()
    x, y, lambdas = prepared(masks, targets, options.share)
    result = {"mode": options.mode, "seconds": seconds, "iterations": iterations, "peak_MiB": peak,
              "largest_gap": float(largest_gap(x, y, beta, lambdas)),
              "effects_a_target": float((beta != 0).sum(1).mean())}
    if options.compare:
        other = np.load(options.compare).astype(np.float64)
        result["largest_gap_of_compared"] = float(largest_gap(x, y, other, lambdas))
        fit = np.abs(x @ (other - beta).T).max(0) / y.std(1)
        result["largest_difference_of_fits"] = float(fit.max())
        result["largest_difference_of_coefficients"] = float(np.abs(other - beta).max())
    print(json.dumps(result))


if __name__ == "__main__":
    main()
