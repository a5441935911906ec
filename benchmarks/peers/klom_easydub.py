#!/usr/bin/env python3
"""Computes KLoM by EasyDUB's own function, and prints the seconds.

usage: klom_easydub.py EASYDUB UNLEARNED.npy ORACLES.npy [--models N] [--points M] [--repeats 1] [--compare KLOM.npy]

EASYDUB: a clone of https://github.com/easydub/EasyDUB-code. UNLEARNED and ORACLES (models, points) float32, as
benchmarks/klom_files_benchmark.cpp reads them; `--models` and `--points` take the first ones only, all if 0.

Prints one JSON line: seconds of each repeat, from margins in memory to KLoM of every point, and the process's peak
memory. The function is a loop over points on one thread. `--compare` prints the largest difference from KLOM
(points), in nats, and at how many points it is above 1e-9. Against `--convention easydub` none is expected; the
default convention counts a margin that equals the largest, which EasyDUB drops (expunge/evaluate/klom.h).
"""
import argparse
import json
import os
import sys
import time

import numpy as np
from arrays import first_of, peak_mib

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("easydub")
    parser.add_argument("unlearned")
    parser.add_argument("oracles")
    parser.add_argument("--models", type=int, default=0)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--compare")
    given = parser.parse_args()
    if int(np.__version__.split(".")[0]) < 2:  # NumPy 1 has the edges of float32 margins in float64
        sys.exit(f"klom_easydub.py: NumPy 2 required, this is {np.__version__}")
    import importlib.util

    import torch

    # eval.py alone: the package's other modules want torchvision and what loads its data set.
    source = os.path.join(given.easydub, "easydub", "eval.py")
    if not os.path.isfile(source):
        sys.exit(f"klom_easydub.py: {source}: no such file")
    spec = importlib.util.spec_from_file_location("easydub_eval", source)
    easydub = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(easydub)
    sides = [torch.from_numpy(first_of(path, given.models, given.points, np.float32))
             for path in (given.oracles, given.unlearned)]
    seconds = []
    for _ in range(given.repeats):
        begin = time.perf_counter()
        klom = easydub.klom_from_margins(*sides)
        seconds.append(round(time.perf_counter() - begin, 6))
    result = {"models": sides[0].shape[0], "points": sides[0].shape[1], "seconds": seconds,
              "peak_MiB": peak_mib()}
    if given.compare:
        difference = np.abs(np.load(given.compare) - klom)
        result["largest_difference"] = float(difference.max())
        result["points_that_differ"] = int((difference > 1e-9).sum())
    print(json.dumps(result))


if __name__ == "__main__":
    main()
