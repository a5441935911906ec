#!/usr/bin/env python3
"""Makes the arrays up that benchmarks/run gives to every program, from one seed.

usage: make_inputs.py FOLDER [--klom MODELS,POINTS] [--ridge N,n,m] [--lasso N,n,T]
                      [--model MODEL.safetensors --images COUNT --data FASHION-MNIST] [--seed 0]

  --klom    unlearned.npy and oracles.npy (models, points) float32: points differ in mean and spread
  --ridge   masks.npy (N, n) bool, half of the examples each; margins.npy (N, m) float32: noise, and for the first n
            points an effect of their own
  --lasso   lasso_masks.npy (N, n) bool and lasso_targets.npy (T, N) float32: 60 effects a target, and noise
  --model   inputs.npy (count, 1, 28, 28) float32 and labels.npy (count) int64: the first training images of
            Fashion-MNIST, normalised as the model's metadata say
"""
import argparse
import gzip
import json
import os
import sys

import numpy as np


def klom(folder, random, models, points):
    mean = 5 * random.standard_normal((1, points), np.float32)
    spread = random.random((1, points), np.float32)
    unlearned = mean + spread * random.standard_normal((models, points), np.float32)
    oracles = mean + spread * random.standard_normal((models, points), np.float32)
    np.save(f"{folder}/unlearned.npy", unlearned)
    np.save(f"{folder}/oracles.npy", oracles + 0.1 * random.standard_normal((models, points), np.float32))


def halves(random, models, examples):
    return random.random((models, examples), np.float32) < 0.5


def ridge(folder, random, models, examples, points):
    if points < examples:
        sys.exit(f"make_inputs.py: --ridge: at least {examples} points required, got {points}")
    masks = halves(random, models, examples)
    margins = random.standard_normal((models, points), np.float32)
    margins[:, :examples] += masks * (1 + random.random((1, examples), np.float32))
    np.save(f"{folder}/masks.npy", masks)
    np.save(f"{folder}/margins.npy", margins)


def lasso(folder, random, models, examples, targets):
    masks = halves(random, models, examples)
    rows = []
    for _ in range(targets):
        acting = random.choice(examples, min(60, examples), replace=False)
        signal = masks[:, acting].astype(np.float32) @ random.standard_normal(len(acting), np.float32)
        rows.append(signal + signal.std() * random.standard_normal(models, np.float32))
    np.save(f"{folder}/lasso_masks.npy", masks)
    np.save(f"{folder}/lasso_targets.npy", np.stack(rows))


def images(folder, model, data, count):
    with open(model, "rb") as file:
        metadata = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]
    mean, deviation = (np.float32(json.loads(metadata[f"expunge.{name}"])[0]) for name in ("mean", "stddev"))
    with gzip.open(f"{data}/train-images-idx3-ubyte.gz") as file:
        x = np.frombuffer(file.read(16 + count * 784)[16:], np.uint8).reshape(count, 1, 28, 28)
    with gzip.open(f"{data}/train-labels-idx1-ubyte.gz") as file:
        y = np.frombuffer(file.read(8 + count)[8:], np.uint8)
    np.save(f"{folder}/inputs.npy", (x.astype(np.float32) / 255 - mean) / deviation)
    np.save(f"{folder}/labels.npy", y.astype(np.int64))


def sizes(text):
    values = [int(word) for word in text.split(",")]
    if min(values) < 1:
        raise ValueError(text)
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--klom", type=sizes)
    parser.add_argument("--ridge", type=sizes)
    parser.add_argument("--lasso", type=sizes)
    parser.add_argument("--model")
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.makedirs(given.folder, exist_ok=True)
    for index, (make, numbers) in enumerate(((klom, given.klom), (ridge, given.ridge), (lasso, given.lasso))):
        if numbers:
            make(given.folder, np.random.default_rng([given.seed, index]), *numbers)
    if given.model:
        images(given.folder, given.model, given.data, given.images)


if __name__ == "__main__":
    main()
