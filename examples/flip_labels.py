#!/usr/bin/env python3
"""Fashion-MNIST with some training labels wrong, to see whether they are found (docs/explain.md).

    flip_labels.py OUT [--share 0.05] [--seed 0] [--train 2000] [--validation 1000] [--data FOLDER]

Writes into the folder OUT what expunge reads with format = "npy"; flipped.txt, the examples whose
label is another one of the ten, drawn uniformly; and experiment.toml, in which the shipped
experiments' network is trained on them. The images are theirs too, the first of each part. Needs
NumPy.
"""
import argparse
import gzip
import json
import os

import numpy as np

CLASSES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")

EXPERIMENT = """# The shipped experiments' setting on labels of which some are wrong.
name = "flipped"

[data]
format = "npy"
path = {path}
train_examples = 0
validation_examples = 0

[recipe]
network = "mlp"
hidden = [128]
epochs = 20
batch_size = 50
peak_learning_rate = 0.1

[ensembles]
seed = {seed}
subset_models = 100
full_models = 100
oracle_models = 4          # nothing is compared with them: the fewest there may be

[[forget_set]]
name = "flipped"
file = "flipped.txt"
description = "the examples whose label is wrong"
"""


def read_idx(path):
    """The array of uint8 in an IDX file."""
    with gzip.open(path) as file:
        data = file.read()
    shape = np.frombuffer(data, ">i4", data[3], 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def flipped(labels, share, seed):
    """Labels of which a share is wrong, and which ones."""
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(len(labels), round(share * len(labels)), replace=False))
    wrong = labels.astype(np.int64)
    wrong[chosen] = (wrong[chosen] + random.integers(1, len(CLASSES), len(chosen))) % len(CLASSES)
    return wrong, chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--validation", type=int, default=1000)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    for part, stem, count in (("train", "train", options.train), ("val", "t10k", options.validation)):
        images = read_idx(os.path.join(options.data, f"{stem}-images-idx3-ubyte.gz"))[:count]
        labels = read_idx(os.path.join(options.data, f"{stem}-labels-idx1-ubyte.gz"))[:count].astype(np.int64)
        if part == "train":
            labels, chosen = flipped(labels, options.share, options.seed)
            with open(os.path.join(options.out, "flipped.txt"), "w", encoding="utf-8") as file:
                file.write(f"# {len(chosen)} of {len(labels)} training labels changed, seed {options.seed}\n")
                file.writelines(f"{i}\n" for i in chosen)
        np.save(os.path.join(options.out, f"{part}_images.npy"), images)
        np.save(os.path.join(options.out, f"{part}_labels.npy"), labels)
    with open(os.path.join(options.out, "class_names.txt"), "w", encoding="utf-8") as file:
        file.writelines(f"{name}\n" for name in CLASSES)
    with open(os.path.join(options.out, "experiment.toml"), "w", encoding="utf-8") as file:
        file.write(EXPERIMENT.format(path=json.dumps(os.path.abspath(options.out)), seed=options.seed))


if __name__ == "__main__":
    main()
