#!/usr/bin/env python3
"""KLoM by plain NumPy, point by point: what expunge's own is checked against.

    klom_reference.py unlearned.npy oracles.npy out.npy [--convention corrected|easydub]

unlearned.npy (Nu, m) and oracles.npy (No, m): float32 margins in nats. out.npy: (m) float64.
The definition is in expunge/evaluate/klom.h. NumPy 2 is needed: NumPy 1 computes the edges of
float32 margins in float64, which puts a few margins into other bins.
"""
import argparse
import sys

import numpy as np

BINS = 20
CLIP = 100
FLOOR = 1e-5


def klom_of_point(unlearned, oracles, convention):
    """KLoM of one point from its margins (Nu,) and (No,) float32."""
    unlearned = np.clip(unlearned, -CLIP, CLIP)
    oracles = np.clip(oracles, -CLIP, CLIP)
    low = min(unlearned.min(), oracles.min())
    high = max(unlearned.max(), oracles.max())
    if high == low:
        high = low + np.float32(1)
    edges = np.linspace(low, high, BINS + 1, dtype=np.float32)
    if convention == "easydub":  # np.histogram's last bin is closed: what it alone would hold goes
        unlearned = unlearned[unlearned < high]
        oracles = oracles[oracles < high]
    p = np.histogram(unlearned, bins=edges)[0] / max(len(unlearned), 1)
    q = np.histogram(oracles, bins=edges)[0] / max(len(oracles), 1)
    occupied = p > 0
    p, q = p[occupied], np.maximum(q[occupied], FLOOR)
    return np.sum(p * np.log(p / q))


def main():
    parser = argparse.ArgumentParser(description="KLoM by plain NumPy")
    parser.add_argument("unlearned")
    parser.add_argument("oracles")
    parser.add_argument("out")
    parser.add_argument("--convention", choices=["corrected", "easydub"], default="corrected")
    arguments = parser.parse_args()
    if int(np.__version__.split(".")[0]) < 2:
        sys.exit(f"klom_reference.py: NumPy 2 is required, this is {np.__version__}")
    sides = []
    for path in (arguments.unlearned, arguments.oracles):
        margins = np.load(path)
        if margins.dtype != np.float32 or margins.ndim != 2 or len(margins) < 2:
            sys.exit(f"{path}: expected (models, points) float32 with 2 models or more, "
                     f"got {margins.shape} {margins.dtype}")
        if not np.isfinite(margins).all():
            sys.exit(f"{path}: a margin is NaN or infinite")
        sides.append(margins)
    if sides[0].shape[1] != sides[1].shape[1]:
        sys.exit(f"different points: {sides[0].shape} and {sides[1].shape}")
    values = [klom_of_point(u, o, arguments.convention) for u, o in zip(sides[0].T, sides[1].T)]
    np.save(arguments.out, np.array(values))


if __name__ == "__main__":
    main()
