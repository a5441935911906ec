#!/usr/bin/env python3
"""Scores training examples by gradients of one MLP with other programs, and prints the seconds.

usage: gradient_scores.py MODE MODEL.safetensors INPUTS.npy LABELS.npy [--train 2000] [--dimensions 1024]
                          [--threads 2] [--repeats 3] [--batch 1000] [--block 128] [--draws 1] [--compare SCORES.npy]
                          [--out SCORES.npy]

Arguments as benchmarks/gradient_benchmark.cpp has them; the model an MLP written by expunge.

Modes:
  traker        TRAK by the package of its authors, float32, with its projector for CPUs: --batch examples and
                --block columns of the projection at a time; it draws the projection anew for every batch
  kronfluence   EK-FAC influence on the margin; labels of the Fisher matrix drawn from the model, damping by its
                heuristic, 0.1 of the mean eigenvalue; --draws labels of each example
  dattri-trak   TRAK by dattri, as `traker`: dense signs, drawn anew for every batch of --batch examples
  dattri-ekfac  EK-FAC influence by dattri, one label drawn for each example; damping 0.1 of the mean eigenvalue over
                all layers, for it takes one number; influence on the loss, which is that on the margin but for a
                factor of each point, 1 + exp(margin), that is put on at the end; --batch examples at a time, and
                all points' gradients anew for each

Prints one JSON line: seconds of each repeat, from model and arrays in memory to scores, and the process's peak
memory. `--compare` prints, against the scores of SCORES (train, points), the median over points of Spearman's
correlation and the largest difference after the best common factor, as a share of the largest score. `--out`
writes the peer's own.
"""
import argparse
import json
import shutil
import tempfile
import time

import numpy as np
import torch
from arrays import peak_mib
from safetensors.torch import load_file


def network(path):
    state = load_file(path)
    names = [name for name in state if name.endswith("weight")]
    layers = [torch.nn.Flatten()]
    for i, name in enumerate(names):
        out, into = state[name].shape
        layers.append(torch.nn.Linear(into, out))
        with torch.no_grad():
            layers[-1].weight.copy_(state[name])
            layers[-1].bias.copy_(state[name.replace("weight", "bias")])
        if i + 1 < len(names):
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers).eval()


def margins(logits, labels):
    own = logits.gather(1, labels[:, None]).squeeze(1)
    others = logits.scatter(1, labels[:, None], -torch.inf)
    return own - others.logsumexp(1)


def traker(model, train, points, dimensions, batch, block):
    from trak import TRAKer
    from trak.projectors import BasicProjector
    folder = tempfile.mkdtemp()
    try:
        parameters = sum(p.numel() for p in model.parameters())
        projector = BasicProjector(grad_dim=parameters, proj_dim=dimensions, seed=0, proj_type="rademacher",
                                   device="cpu", block_size=block)
        tracer = TRAKer(model=model, task="image_classification", train_set_size=len(train[1]),
                        proj_dim=dimensions, use_half_precision=False, device="cpu", save_dir=folder,
                        logging_level=50, projector=projector)
        tracer.load_checkpoint(model.state_dict(), model_id=0)
        for begin in range(0, len(train[1]), batch):
            part = [x[begin:begin + batch] for x in train]
            tracer.featurize(batch=part, num_samples=len(part[1]))
        tracer.finalize_features()
        tracer.start_scoring_checkpoint(exp_name="points", checkpoint=model.state_dict(), model_id=0,
                                        num_targets=len(points[1]))
        for begin in range(0, len(points[1]), batch):
            part = [x[begin:begin + batch] for x in points]
            tracer.score(batch=part, num_samples=len(part[1]))
        return np.array(tracer.finalize_scores(exp_name="points"))
    finally:
        shutil.rmtree(folder)


def kronfluence(model, train, points, draws):
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments, ScoreArguments
    from kronfluence.task import Task

    class Classification(Task):
        def compute_train_loss(self, batch, model, sample=False):
            logits = model(batch[0])
            labels = batch[1]
            if sample:
                labels = torch.multinomial(logits.detach().softmax(1), 1).squeeze(1)
            return torch.nn.functional.cross_entropy(logits, labels, reduction="sum")

        def compute_measurement(self, batch, model):
            return -margins(model(batch[0]), batch[1]).sum()

    folder = tempfile.mkdtemp()
    try:
        task = Classification()
        model = prepare_model(model, task)
        analyzer = Analyzer(analysis_name="points", model=model, task=task, cpu=True, output_dir=folder,
                            disable_tqdm=True, disable_model_save=True)
        train = torch.utils.data.TensorDataset(*train)
        drawn = torch.utils.data.ConcatDataset([train] * draws)
        points = torch.utils.data.TensorDataset(*points)
        analyzer.fit_all_factors(factors_name="ekfac", dataset=drawn, per_device_batch_size=500,
                                 factor_args=FactorArguments(strategy="ekfac"))
        analyzer.compute_pairwise_scores(scores_name="scores", factors_name="ekfac", query_dataset=points,
                                         train_dataset=train, per_device_query_batch_size=1000,
                                         per_device_train_batch_size=500, score_args=ScoreArguments(damping_factor=None))
        return analyzer.load_pairwise_scores("scores")["all_modules"].T.numpy()
    finally:
        shutil.rmtree(folder)


def loader(arrays, batch):
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*arrays), batch_size=batch)


def dattri_trak(model, train, points, dimensions, batch):
    from dattri.algorithm.trak import TRAKAttributor
    from dattri.task import AttributionTask

    def margin(parameters, sample):
        logits = torch.func.functional_call(model, parameters, sample[0][None])
        return margins(logits, sample[1][None])[0]

    def probability(parameters, sample):
        return torch.sigmoid(margin(parameters, sample))[None]

    task = AttributionTask(loss_func=margin, model=model, checkpoints=model.state_dict())
    attributor = TRAKAttributor(
        task=task, correct_probability_func=probability, device="cpu",
        projector_kwargs={"proj_dim": dimensions, "proj_type": "rademacher", "device": "cpu"})
    with torch.no_grad():
        attributor.cache(loader(train, batch))
        return attributor.attribute(loader(points, batch)).numpy()


def dattri_ekfac(model, train, points, batch):
    from dattri.algorithm.influence_function import IFAttributorEKFAC
    from dattri.task import AttributionTask

    drawing = True

    def loss(parameters, samples):
        logits = torch.func.functional_call(model, parameters, samples[0])
        labels = samples[1]
        if drawing:
            labels = torch.multinomial(logits.detach().softmax(1), 1).squeeze(1)
        return torch.nn.functional.cross_entropy(logits, labels)

    task = AttributionTask(loss_func=loss, model=model, checkpoints=model.state_dict())
    attributor = IFAttributorEKFAC(task=task, device="cpu")
    attributor.cache(loader(train, batch))
    drawing = False
    sums = [(float(v.sum()), v.numel()) for v in attributor.cached_lambdas.values()]
    attributor.damping = 0.1 * sum(s for s, _ in sums) / sum(count for _, count in sums)
    with torch.no_grad():
        scores = attributor.attribute(loader(train, batch), loader(points, batch))
        return (scores * (1 + margins(model(points[0]), points[1]).exp())).numpy()


def ranks(x):
    return x.argsort(0).argsort(0).astype(np.float64)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["traker", "kronfluence", "dattri-trak", "dattri-ekfac"])
    parser.add_argument("model")
    parser.add_argument("inputs")
    parser.add_argument("labels")
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--dimensions", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--block", type=int, default=128)
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--compare")
    parser.add_argument("--out")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    inputs = torch.from_numpy(np.load(given.inputs))
    labels = torch.from_numpy(np.load(given.labels))
    train = (inputs[:given.train], labels[:given.train])
    points = (inputs[given.train:], labels[given.train:])
    seconds = []
    for _ in range(given.repeats):
        model = network(given.model)
        start = time.perf_counter()
        if given.mode == "kronfluence":
            scores = kronfluence(model, train, points, given.draws)
        elif given.mode == "dattri-trak":
            scores = dattri_trak(model, train, points, given.dimensions, given.batch)
        elif given.mode == "dattri-ekfac":
            scores = dattri_ekfac(model, train, points, given.batch)
        else:
            scores = traker(model, train, points, given.dimensions, given.batch, given.block)
        seconds.append(time.perf_counter() - start)
    result = {"mode": given.mode, "seconds": [round(s, 3) for s in seconds],
              "peak_MiB": peak_mib()}
    if not np.isfinite(scores).all():
        raise SystemExit(f"gradient_scores.py: {given.mode}: a score is NaN or infinite")
    if given.out:
        np.save(given.out, scores.astype(np.float32))
    if given.compare:
        ours = np.load(given.compare).astype(np.float64)
        theirs = scores.astype(np.float64)
        a, b = ranks(ours), ranks(theirs)
        a -= a.mean(0)
        b -= b.mean(0)
        correlation = (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))
        factor = (ours * theirs).sum() / (theirs * theirs).sum()
        result["spearman"] = float(np.median(correlation))
        result["factor"] = float(factor)
        result["difference"] = float(np.abs(ours - factor * theirs).max() / np.abs(ours).max())
    print(json.dumps(result))


if __name__ == "__main__":
    main()
