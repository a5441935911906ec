#!/usr/bin/env python3
"""expunge import and export against the packages whose files they are: stores that the datamodels package fills, scores
that a TRAKer leaves, a tree that EasyDUB's code judges. Outside the test suite, because it needs them.

    pip install traker fastargs tqdm
    git clone https://github.com/MadryLab/datamodels
    git clone https://github.com/easydub/EasyDUB-code

usage: exchange.py PROGRAM [--trak] [--datamodels CHECKOUT] [--easydub CHECKOUT]
One line a check; exit code 1 at the first that fails.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import types

import numpy as np


def run(*words, **keywords):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **keywords)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check(holds, what):
    print(("ok      " if holds else "FAILED  ") + what, flush=True)
    if not holds:
        sys.exit(1)


TRAINING = """name = "peers"
[data]
format = "npy"
path = "{folder}"
train_examples = 0
validation_examples = 0
[recipe]
hidden = [16]
epochs = 5
batch_size = 20
[ensembles]
subset_models = 20
full_models = 25
oracle_models = 25
[[forget_set]]
name = "some"
file = "some.txt"
"""


def experiment(program, folder):
    """A small trained experiment: 120 training and 50 validation images of three classes."""
    random = np.random.default_rng(0)
    for part, count in (("train", 120), ("val", 50)):
        labels = random.integers(0, 3, count)
        images = random.integers(0, 140, (count, 6, 6))
        for image, label in zip(images, labels):
            image[2 * label:2 * label + 2] += 50
        np.save(f"{folder}/{part}_images.npy", images.astype(np.uint8))
        np.save(f"{folder}/{part}_labels.npy", labels)
    for name, text in (("some.txt", "3\n50\n17\n"), ("peers.toml", TRAINING.format(folder=folder))):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    run(program, "train", f"{folder}/peers.toml", "--out", f"{folder}/out", "--quiet")
    return f"{folder}/out"


# What their worker runs: a module with main(index, logdir), as examples/minimal has one.
WORKER = """import numpy as np
def main(*_, index, logdir):
    random = np.random.default_rng(index)
    return {'masks': random.random(40) < 0.5, 'margins': random.normal(size=55).astype(np.float16)}
"""


def datamodels(program, checkout, folder):
    with open(f"{folder}/spec.json", "w", encoding="utf-8") as file:
        json.dump({"num_models": 7, "schema": {"masks": {"shape": [40], "dtype": "bool_"},
                                               "margins": {"shape": [55], "dtype": "float16"}}}, file)
    with open(f"{folder}/routine.py", "w", encoding="utf-8") as file:
        file.write(WORKER)
    os.mkdir(f"{folder}/store")
    path = {**os.environ, "PYTHONPATH": os.pathsep.join([checkout, folder])}
    python = (sys.executable, "-m")
    run(*python, "datamodels.training.initialize_store", f"--logging.logdir={folder}/store",
        f"--logging.spec={folder}/spec.json", env=path)
    for index in (0, 1, 3, 4, 6):
        run(*python, "datamodels.training.worker", f"--worker.index={index}", "--worker.main_import=routine",
            f"--worker.logdir={folder}/store", env=path)
    found = json.loads(run(program, "import", "datamodels", f"{folder}/store", "--out", f"{folder}/in", "--json"))
    check((found["rows"], found["models"], found["training_examples"], found["points"]) == (7, 5, 40, 55),
          "datamodels: a store that their workers filled in part is read")
    rows = np.load(f"{folder}/store/_completed.npy")
    check(all(np.array_equal(np.load(f"{folder}/in/{name}.npy"), np.load(f"{folder}/store/{name}.npy")[rows])
              for name in ("masks", "margins")), "datamodels: its completed rows are the same")

    # ffcv, which writes their data set, is not needed to read a store.
    for name in ("ffcv", "ffcv.writer", "ffcv.fields"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["ffcv.writer"].DatasetWriter = sys.modules["ffcv.fields"].NDArrayField = None
    sys.modules["ffcv.fields"].IntField = None
    sys.path.insert(0, checkout)
    from datamodels.regression.write_dataset import RegressionDataset
    out = experiment(program, folder)
    run(program, "export", "datamodels", f"{out}/subset", "--labels", f"{out}/labels.npy", "--out", f"{folder}/theirs")
    data = RegressionDataset(masks_path=f"{folder}/theirs/masks.npy", y_path=f"{folder}/theirs/margins.npy",
                             completed_path=f"{folder}/theirs/_completed.npy")
    run(program, "margins", f"{out}/subset/logits.npy", f"{out}/labels.npy", "--out", f"{folder}/margins.npy")
    masks, margins = np.load(f"{out}/subset/masks.npy"), np.load(f"{folder}/margins.npy")
    check(len(data) == 20 and data.shape() == (120, 170) and
          all(np.array_equal(x, masks[i]) and np.array_equal(y, margins[i]) for x, y, i in (data[j] for j in range(20))),
          "datamodels: their RegressionDataset reads an exported store")


def easydub(program, checkout, folder):
    sys.path.insert(0, checkout)
    from pathlib import Path

    from easydub.data import load_forget_indices, retain_mask
    from easydub.eval import klom_from_margins, load_margins_matrix
    out = experiment(program, folder)
    tree = Path(folder) / "tree"
    run(program, "export", "easydub", out, "--set", "some", "--forget-set", 3, "--out", tree)
    forget = load_forget_indices(tree, 3)
    theirs = np.empty(170)
    retained = retain_mask(120, forget)
    for split, points in (("retain", np.flatnonzero(retained)), ("forget", forget), ("val", np.arange(120, 170))):
        oracle = load_margins_matrix(tree, "oracle", split, 3, 25)
        pretrain = load_margins_matrix(tree, "pretrain", split, 3 if split == "forget" else None, 25)
        if split == "retain":
            pretrain = pretrain[:, retained]
        theirs[points] = klom_from_margins(oracle, pretrain)
    run(program, "import", "easydub", tree, "--forget-set", 3, "--out", f"{folder}/in")
    run(program, "klom", f"{folder}/in/full.npy", f"{folder}/in/oracle.npy", "--convention", "easydub", "--out",
        f"{folder}/klom.npy")
    ours = np.load(f"{folder}/klom.npy")
    same = np.isclose(ours, theirs, rtol=1e-9, atol=1e-9)
    # NumPy 2 keeps float32 edges as here; with NumPy 1 a margin on an edge may fall into the next bin.
    check(same.mean() > 0.98, f"easydub: their KLoM of an exported tree is ours of the imported one at {same.sum()} of "
                              f"{same.size} points, the largest difference {np.abs(ours - theirs).max():.2g}")


def trak(program, folder):
    import torch
    from trak import TRAKer
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    images, labels = torch.randn(30, 36), torch.randint(0, 3, (30,))
    targets, target_labels = torch.randn(8, 36), torch.randint(0, 3, (8,))

    def traker(save_dir):
        return TRAKer(model=model, task="image_classification", save_dir=save_dir, train_set_size=30, device="cpu",
                      proj_dim=512, use_half_precision=False)

    scorer = traker(f"{folder}/save")
    scorer.load_checkpoint(model.state_dict(), model_id=0)
    scorer.featurize(batch=[images, labels], num_samples=30)
    scorer.finalize_features()
    scorer.start_scoring_checkpoint(exp_name="quick", checkpoint=model.state_dict(), model_id=0, num_targets=8)
    scorer.score(batch=[targets, target_labels], num_samples=8)
    scores = np.array(scorer.finalize_scores(exp_name="quick"))
    run(program, "import", "trak", f"{folder}/save", "--name", "quick", "--out", f"{folder}/scores.npy")
    ours = np.load(f"{folder}/scores.npy")
    check(ours.dtype == np.float32 and np.array_equal(ours, scores.astype(np.float32)),
          f"trak: scores {scores.shape} that a TRAKer left are read")
    run(program, "export", "trak", f"{folder}/scores.npy", "--name", "ours", "--out", f"{folder}/theirs")
    again = traker(f"{folder}/theirs")
    record = again.saver.experiments["ours"]
    read = np.lib.format.open_memmap(record["scores_path"], mode="r")
    check(record["num_targets"] == 8 and np.array_equal(read, ours), "trak: a TRAKer finds an exported experiment")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--trak", action="store_true", help="with the installed traker")
    parser.add_argument("--datamodels", help="a checkout of MadryLab/datamodels")
    parser.add_argument("--easydub", help="a checkout of easydub/EasyDUB-code")
    given = parser.parse_args()
    program = os.path.abspath(given.program)
    for wanted, job in ((given.datamodels, lambda f: datamodels(program, os.path.abspath(given.datamodels), f)),
                        (given.easydub, lambda f: easydub(program, os.path.abspath(given.easydub), f)),
                        (given.trak, lambda f: trak(program, f))):
        if wanted:
            with tempfile.TemporaryDirectory(prefix="expunge-peers-") as folder:
                job(folder)


if __name__ == "__main__":
    main()
