#!/usr/bin/env python3
"""Trains MLPs 784-128-10 in plain PyTorch, and prints how many a second.

Recipe (that of benchmarks/train_benchmark.cpp): first 1,000 training images of Fashion-MNIST,
standardised, float32, resident; cross-entropy; SGD with Nesterov momentum 0.9 and weight decay
5e-4; 20 epochs in batches of 50, reshuffled each epoch; learning rate 0.1, rising over the first
fifth of the steps and falling to 0.

Modes:
  eager            one model at a time, torch.nn and torch.optim.SGD(foreach=True)
  eager-processes  the same, one process a thread, each on one thread
  batched          `--stack` models in one tensor each layer (baddbmm), backward written out
  batched-autograd the same, autograd's backward
  batched-compile  the step of `batched` under torch.compile
  vmap             torch.func.vmap(grad_and_value(functional_call)) over `--stack` models
  vmap-compile     the same step under torch.compile

Prints one JSON line; compilation and one short run to warm up are not in the time.
"""
import argparse
import gzip
import json
import multiprocessing
import time

import numpy as np
import torch
import torch.nn.functional as F

EPOCHS, BATCH, PEAK_RATE, WARMUP, MOMENTUM, DECAY = 20, 50, 0.1, 0.2, 0.9, 5e-4
SIZES = (784, 128, 10)


def load(folder, n=1000):
    """The first n images (n, 784), standardised, and labels (n)."""
    with gzip.open(f"{folder}/train-images-idx3-ubyte.gz") as f:
        x = np.frombuffer(f.read(16 + n * 784)[16:], np.uint8).reshape(n, 784)
    with gzip.open(f"{folder}/train-labels-idx1-ubyte.gz") as f:
        y = np.frombuffer(f.read(8 + n)[8:], np.uint8)
    x = torch.tensor(x).float() / 255
    return (x - x.mean()) / x.std(), torch.tensor(y).long()


def rate(step, steps):
    rise = WARMUP * steps
    if step < rise:
        return PEAK_RATE * (step + 1) / (rise + 1)
    return PEAK_RATE * (steps - step) / (steps - rise)


def new_model():
    return torch.nn.Sequential(
        torch.nn.Linear(SIZES[0], SIZES[1]), torch.nn.ReLU(), torch.nn.Linear(SIZES[1], SIZES[2]))


def train_eager(x, y, epochs):
    model = new_model()
    optimiser = torch.optim.SGD(model.parameters(), lr=PEAK_RATE, momentum=MOMENTUM,
                                nesterov=True, weight_decay=DECAY, foreach=True)
    n, step, steps = len(x), 0, epochs * len(x) // BATCH
    for _ in range(epochs):
        for index in torch.randperm(n).split(BATCH):
            optimiser.param_groups[0]["lr"] = rate(step, steps)
            optimiser.zero_grad(set_to_none=True)
            F.cross_entropy(model(x[index]), y[index]).backward()
            optimiser.step()
            step += 1
    return lambda points: model(points)


def batches_of_stack(x, y, epochs, stack):
    """(step, x (stack, BATCH, 784), y (stack, BATCH)) with an order of its own for each model."""
    n, step = len(x), 0
    for _ in range(epochs):
        orders = torch.stack([torch.randperm(n) for _ in range(stack)])
        for begin in range(0, n, BATCH):
            index = orders[:, begin:begin + BATCH]
            yield step, x[index], y[index]
            step += 1


def stacked_parameters(stack):
    models = [new_model() for _ in range(stack)]
    names = [name for name, _ in models[0].named_parameters()]
    return {name: torch.stack([m.state_dict()[name] for m in models]) for name in names}


def sgd(parameters, velocities, gradients, learning_rate):
    """One fused multi-tensor step: torch.optim.SGD's arithmetic."""
    gradients = torch._foreach_add(gradients, parameters, alpha=DECAY)
    torch._foreach_mul_(velocities, MOMENTUM)
    torch._foreach_add_(velocities, gradients)
    torch._foreach_add_(gradients, velocities, alpha=MOMENTUM)
    torch._foreach_mul_(gradients, learning_rate)
    torch._foreach_sub_(parameters, gradients)


def sgd_out_of_place(parameters, velocities, gradients, learning_rate):
    """The same as expressions, which a compiler can fuse."""
    for p, v, g in zip(parameters, velocities, gradients):
        d = g + DECAY * p
        moved = MOMENTUM * v + d
        v.copy_(moved)
        p.copy_(p - learning_rate * (d + MOMENTUM * moved))


def loss_gradient(z, y):
    g = torch.softmax(z, -1)
    return (g - F.one_hot(y, SIZES[2])) / BATCH


def batched_gradients(parameters, x, y):
    w1, b1, w2, b2 = parameters  # (S, 128, 784), (S, 128), (S, 10, 128), (S, 10)
    h = torch.relu(torch.baddbmm(b1.unsqueeze(1), x, w1.transpose(1, 2)))
    z = torch.baddbmm(b2.unsqueeze(1), h, w2.transpose(1, 2))
    dz = loss_gradient(z, y)
    dh = torch.bmm(dz, w2) * (h > 0)
    return [torch.bmm(dh.transpose(1, 2), x), dh.sum(1), torch.bmm(dz.transpose(1, 2), h), dz.sum(1)]


@torch.enable_grad()
def autograd_gradients(parameters, x, y):
    leaves = [p.detach().requires_grad_() for p in parameters]
    w1, b1, w2, b2 = leaves
    h = torch.relu(torch.baddbmm(b1.unsqueeze(1), x, w1.transpose(1, 2)))
    z = torch.baddbmm(b2.unsqueeze(1), h, w2.transpose(1, 2))
    loss = F.cross_entropy(z.flatten(0, 1), y.flatten(), reduction="sum") / BATCH
    return list(torch.autograd.grad(loss, leaves))


def vmap_gradients_of():
    skeleton = new_model().to("meta")
    names = [name for name, _ in skeleton.named_parameters()]

    def loss(parameters, x, y):
        return F.cross_entropy(torch.func.functional_call(skeleton, parameters, (x,)), y)

    one = torch.func.vmap(torch.func.grad(loss))

    def gradients(parameters, x, y):
        g = one(dict(zip(names, parameters)), x, y)
        return [g[name] for name in names]

    return gradients


def step_of(mode):
    gradients = {"vmap": vmap_gradients_of() if "vmap" in mode else None,
                 "batched-autograd": autograd_gradients,
                 "batched": batched_gradients}[mode.removesuffix("-compile")]
    update = sgd_out_of_place if mode.endswith("-compile") else sgd

    def step(parameters, velocities, x, y, learning_rate):
        update(parameters, velocities, gradients(parameters, x, y), learning_rate)

    if mode.endswith("-compile"):
        return torch.compile(step, fullgraph=True)
    return step


def train_stack(step, x, y, epochs, stack):
    parameters = list(stacked_parameters(stack).values())
    velocities = [torch.zeros_like(p) for p in parameters]
    steps = epochs * len(x) // BATCH
    with torch.no_grad():
        for at, xb, yb in batches_of_stack(x, y, epochs, stack):
            # A tensor, or the compiled step would be compiled for every learning rate.
            step(parameters, velocities, xb, yb, torch.tensor(rate(at, steps)))
    w1, b1, w2, b2 = (p[0] for p in parameters)
    return lambda points: torch.relu(points @ w1.T + b1) @ w2.T + b2


def accuracy(predict, x, y):
    with torch.no_grad():
        return (predict(x).argmax(1) == y).float().mean().item()


def worker(folder, models, barrier, results):
    torch.set_num_threads(1)
    x, y = load(folder)
    train_eager(x, y, 1)
    barrier.wait()
    begin = time.perf_counter()
    for _ in range(models):
        predict = train_eager(x, y, EPOCHS)
    results.put((begin, time.perf_counter(), accuracy(predict, x, y)))


def run_processes(args):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(args.threads), context.Queue()
    each = max(1, args.models // args.threads)
    processes = [context.Process(target=worker, args=(args.data, each, barrier, results))
                 for _ in range(args.threads)]
    for p in processes:
        p.start()
    got = [results.get() for _ in processes]
    for p in processes:
        p.join()
    seconds = max(end for _, end, _ in got) - min(begin for begin, _, _ in got)
    return each * args.threads, seconds, got[0][2]


def run(args):
    if args.mode == "eager-processes":
        return run_processes(args)
    torch.set_num_threads(args.threads)
    x, y = load(args.data)
    if args.mode == "eager":
        rounds, each = args.models, 1
        train = lambda epochs: train_eager(x, y, epochs)
    else:
        step = step_of(args.mode)
        rounds, each = max(1, args.models // args.stack), args.stack
        train = lambda epochs: train_stack(step, x, y, epochs, args.stack)
    train(1)
    begin = time.perf_counter()
    for _ in range(rounds):
        predict = train(EPOCHS)
    return rounds * each, time.perf_counter() - begin, accuracy(predict, x, y)


MODES = ("eager", "eager-processes", "batched", "batched-autograd", "batched-compile", "vmap",
         "vmap-compile")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=MODES, default="batched")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", type=int, default=16)
    parser.add_argument("--stack", type=int, default=16)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    args = parser.parse_args()
    models, seconds, fitted = run(args)
    print(json.dumps({"mode": args.mode, "threads": args.threads, "models": models,
                      "models_per_s": round(models / seconds, 3),
                      "training_accuracy": round(fitted, 4), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
