#!/usr/bin/env python3
"""Trains the paper's ResNet-9 in plain PyTorch on a CUDA device, and prints images a second.

Recipe (that of benchmarks/train_benchmark.cpp --network resnet9): images of 3 x 32 x 32, standardised,
resident on the device, no augmentation; cross-entropy; SGD with momentum 0.9 and weight decay 5e-4; 24
epochs in batches of 512, reshuffled each epoch; learning rate rising to 0.4 over the first 5 epochs, then
falling to 0. bfloat16 autocast, channels last, cudnn.benchmark.

Modes:
  eager     torch.nn, torch.optim.SGD(fused=True)
  graph     the whole step in one CUDA graph
  compile   the network under torch.compile, the rest as eager
  compile-graph   torch.compile(mode="reduce-overhead"), which uses CUDA graphs

Data: `--data synthetic`, or a folder with train_images.npy (n, 3, 32, 32) uint8, train_labels.npy,
val_images.npy, val_labels.npy. Prints one JSON line; compilation and an epoch to warm up are not in the time.
"""
import argparse
import json
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH, PEAK_RATE, MOMENTUM, DECAY, EPOCHS, RISE = 512, 0.4, 0.9, 5e-4, 24, 5 / 24
NEEDED_GFLOP = 1.7443  # a sample's forward pass, weight gradients, input gradients but the first's


def block(c_in, c_out, kernel=3, stride=1, padding=1):
    return [nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False), nn.BatchNorm2d(c_out),
            nn.ReLU(inplace=True)]


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.inner = nn.Sequential(*block(channels, channels), *block(channels, channels))

    def forward(self, x):
        return x + self.inner(x)


class Scale(nn.Module):
    def forward(self, x):
        return 0.2 * x


def new_model():
    return nn.Sequential(
        *block(3, 64), *block(64, 128, 5, 2, 2), Residual(128), *block(128, 256), nn.MaxPool2d(2),
        Residual(256), *block(256, 128, padding=0), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        nn.Linear(128, 10, bias=False), Scale()).cuda().to(memory_format=torch.channels_last)


def rate(step, steps):
    rise = RISE * steps
    if step < rise:
        return PEAK_RATE * (step + 1) / (rise + 1)
    return PEAK_RATE * (steps - step) / (steps - rise)


def load(folder, n):
    if folder == "synthetic":
        x, y = torch.randn(n, 3, 32, 32), torch.randint(0, 10, (n,))
        return x, y, x[:1000], y[:1000]
    read = lambda name: torch.from_numpy(np.load(f"{folder}/{name}.npy"))
    x, v = (read(f"{part}_images").float() / 255 for part in ("train", "val"))
    mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    standardised = [(t - mean) / std for t in (x, v)]
    return (standardised[0][:n], read("train_labels")[:n].long(), standardised[1],
            read("val_labels").long())


def resident(x):
    return x.to("cuda", torch.bfloat16, memory_format=torch.channels_last)


class Trainer:
    def __init__(self, mode):
        self.model = new_model()
        self.call = self.model
        if mode == "compile":
            self.call = torch.compile(self.model)
        elif mode == "compile-graph":
            self.call = torch.compile(self.model, mode="reduce-overhead")
        self.rate = torch.zeros((), device="cuda")
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=self.rate, momentum=MOMENTUM,
                                         weight_decay=DECAY, fused=True)
        self.graphs = {} if mode == "graph" else None

    def step(self, x, y):
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16):
            z = self.call(x)
        F.cross_entropy(z.float(), y).backward()
        self.optimiser.step()

    def graph_step(self, x, y):
        if len(x) not in self.graphs:
            static = torch.empty_like(x), torch.empty_like(y)
            static[0].copy_(x)
            static[1].copy_(y)
            state = {k: v.clone() for k, v in self.model.state_dict().items()}
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(3):
                    self.step(*static)
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            self.optimiser.zero_grad(set_to_none=True)
            with torch.cuda.graph(graph):
                self.step(*static)
            self.model.load_state_dict(state)
            self.graphs[len(x)] = graph, *static
        graph, sx, sy = self.graphs[len(x)]
        sx.copy_(x)
        sy.copy_(y)
        graph.replay()

    def train(self, x, y, epochs, of_epochs, batch):
        n, at = len(x), 0
        steps = of_epochs * -(-n // batch)
        one = self.graph_step if self.graphs is not None else self.step
        for _ in range(epochs):
            for index in torch.randperm(n, device="cuda").split(batch):
                self.rate.fill_(rate(at, steps))
                one(x[index].contiguous(memory_format=torch.channels_last), y[index])
                at += 1
        torch.cuda.synchronize()


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad(), torch.autocast("cuda", torch.bfloat16):
        right = sum((model(a).argmax(1) == b).sum().item() for a, b in zip(x.split(1000), y.split(1000)))
    model.train()
    return right / len(x)


def product_peak():
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    best = 0
    for _ in range(6):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(10):
            a @ b
        torch.cuda.synchronize()
        best = max(best, 20 * 8192**3 / (time.perf_counter() - begin) / 1e12)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=("eager", "graph", "compile", "compile-graph"), default="eager")
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--examples", type=int, default=25000)
    parser.add_argument("--epochs", type=int, default=4, help="epochs that are timed")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--seeds", type=int, default=0, help="whole trainings instead, and their accuracy")
    args = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    x, y, v, w = load(args.data, args.examples)
    x, v, y, w = resident(x), resident(v), y.cuda(), w.cuda()
    result = {"mode": args.mode, "torch": torch.__version__, "card": torch.cuda.get_device_name()}
    if args.seeds:
        scores, begin = [], time.perf_counter()
        for seed in range(args.seeds):
            torch.manual_seed(seed)
            trainer = Trainer(args.mode)
            trainer.train(x, y, EPOCHS, EPOCHS, args.batch)
            scores.append(accuracy(trainer.model, v, w))
        result |= {"accuracies": scores, "mean": sum(scores) / len(scores),
                   "seconds_a_model": round((time.perf_counter() - begin) / args.seeds, 2)}
    else:
        trainer = Trainer(args.mode)
        begin = time.perf_counter()
        trainer.train(x, y, 1, EPOCHS, args.batch)
        warm = time.perf_counter() - begin
        peak = product_peak()
        begin = time.perf_counter()
        trainer.train(x, y, args.epochs, EPOCHS, args.batch)
        images = args.epochs * len(x) / (time.perf_counter() - begin)
        result |= {"images_per_s": round(images), "models_per_min": round(60 * images / (EPOCHS * len(x)), 2),
                   "tflop_per_s": round(images * NEEDED_GFLOP / 1e3, 1), "product_peak": round(peak, 1),
                   "share_of_peak": round(images * NEEDED_GFLOP / 1e3 / peak, 3), "warm_up_s": round(warm, 1)}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
