#!/usr/bin/env python3
"""The stream of deletion requests that docs/results/desk.md is measured on: 20 requests of mixed kinds over the first
2,000 training images of Fashion-MNIST, and the unions of the first 1, 2, ... 20 of them.

usage: desk_requests.py FOLDER [SEED]    writes request-01.txt ... and union-01.txt ... into FOLDER; seed 9
"""
import gzip
import os
import sys

import numpy as np

N = 2000
# Kind and size of each request: images drawn at random (one user's, unlike each other), of one class (a mislabelled or
# unlicensed batch), and one image with those nearest to it in pixels (one scene).
REQUESTS = [("random", 10), ("class", 10), ("nearest", 5), ("random", 1), ("random", 20), ("nearest", 10), ("class", 5),
            ("random", 5), ("class", 20), ("random", 1), ("nearest", 10), ("random", 20), ("class", 10), ("random", 5),
            ("nearest", 5), ("random", 10), ("class", 10), ("random", 1), ("nearest", 10), ("random", 20)]


def read(name, offset):
    with gzip.open(f"/usr/share/datasets/fashion-mnist/{name}.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset)


def chosen(kind, size, there, labels, pixels, random):
    if kind == "random":
        return random.choice(there, size, replace=False)
    if kind == "class":
        members = there[labels[there] == random.integers(10)]
        return random.choice(members, size, replace=False)
    centre = random.choice(there)
    return there[np.argsort(-(pixels[there] @ pixels[centre]), kind="stable")[:size]]


def write(folder, name, comment, indices):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(f"# {comment} (benchmarks/desk_requests.py)\n" + "".join(f"{i}\n" for i in indices))


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    seed = int(sys.argv[2]) if len(sys.argv) == 3 else 9
    labels = read("train-labels-idx1-ubyte", 8)[:N]
    pixels = read("train-images-idx3-ubyte", 16)[:N * 784].reshape(N, 784).astype(np.float64)
    pixels /= np.linalg.norm(pixels, axis=1, keepdims=True)
    random = np.random.default_rng(seed)
    removed = []
    for k, (kind, size) in enumerate(REQUESTS, 1):
        there = np.setdiff1d(np.arange(N), removed)
        request = chosen(kind, size, there, labels, pixels, random)
        removed.extend(request.tolist())
        write(sys.argv[1], f"request-{k:02}.txt", f"request {k} of {len(REQUESTS)}: {kind}, {size}", request)
        write(sys.argv[1], f"union-{k:02}.txt", f"requests 1 to {k}", sorted(removed))


if __name__ == "__main__":
    main()
