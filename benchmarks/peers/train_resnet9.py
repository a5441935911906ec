#!/usr/bin/env python3
"""Trains the paper's ResNet-9 in plain PyTorch, and prints images a second.

Recipe (that of benchmarks/train_benchmark.cpp --network resnet9): images of 3 x 32 x 32, standardised,
resident on the device, no augmentation; cross-entropy; SGD with momentum 0.9 and weight decay 5e-4; 24
epochs in batches of 512, reshuffled each epoch; learning rate rising to 0.4 over the first 5 epochs, then
falling to 0. Channels last; on a CUDA device bfloat16 autocast and cudnn.benchmark, on a CPU float32
(`--device cpu --batch 128 --threads 2`). `--network convnet` is the small network of this project's --scale cifar, on
images of 3 x 16 x 16.

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
# A sample's forward pass, weight gradients, input gradients but the first's; and its image's side.
NEEDED_GFLOP = {"resnet9": 1.7443, "convnet": 0.007524}
SIDE = {"resnet9": 32, "convnet": 16}


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


def resnet9():
    return nn.Sequential(
        *block(3, 64), *block(64, 128, 5, 2, 2), Residual(128), *block(128, 256), nn.MaxPool2d(2),
        Residual(256), *block(256, 128, padding=0), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        nn.Linear(128, 10, bias=False), Scale())


def convnet():
    return nn.Sequential(
        *block(3, 16), *block(16, 32, stride=2), *block(32, 32), *block(32, 64, stride=2), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(64, 10))


def rate(step, steps):
    rise = RISE * steps
    if step < rise:
        return PEAK_RATE * (step + 1) / (rise + 1)
    return PEAK_RATE * (steps - step) / (steps - rise)


def load(folder, n, side):
    if folder == "synthetic":
        x, y = torch.randn(n, 3, side, side), torch.randint(0, 10, (n,))
        return x, y, x[:1000], y[:1000]
    read = lambda name: torch.from_numpy(np.load(f"{folder}/{name}.npy"))
    x, v = (read(f"{part}_images").float() / 255 for part in ("train", "val"))
    mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    standardised = [(t - mean) / std for t in (x, v)]
    return (standardised[0][:n], read("train_labels")[:n].long(), standardised[1],
            read("val_labels").long())


def resident(x, device):
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    return x.to(device, dtype, memory_format=torch.channels_last)


class Trainer:
    def __init__(self, mode, network, device):
        self.device = device
        model = resnet9() if network == "resnet9" else convnet()
        self.model = model.to(device).to(memory_format=torch.channels_last)
        self.call = self.model
        if mode == "compile":
            self.call = torch.compile(self.model)
        elif mode == "compile-graph":
            self.call = torch.compile(self.model, mode="reduce-overhead")
        self.rate = torch.zeros((), device=device)
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=self.rate, momentum=MOMENTUM,
                                         weight_decay=DECAY, fused=True)
        self.graphs = {} if mode == "graph" else None

    def step(self, x, y):
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device == "cuda"):
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
            for index in torch.randperm(n, device=self.device).split(batch):
                self.rate.fill_(rate(at, steps))
                one(x[index].contiguous(memory_format=torch.channels_last), y[index])
                at += 1
        if self.device == "cuda":
            torch.cuda.synchronize()


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad(), torch.autocast("cuda", torch.bfloat16, enabled=x.is_cuda):
        right = sum((model(a).argmax(1) == b).sum().item() for a, b in zip(x.split(1000), y.split(1000)))
    model.train()
    return right / len(x)


def product_peak(device):
    """TFLOP/s of a large product."""
    if device == "cpu":
        a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
        seconds = []
        for _ in range(20):
            begin = time.perf_counter()
            a @ b
            seconds.append(time.perf_counter() - begin)
        return 2 * 2048**3 / min(seconds) / 1e12
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
    parser.add_argument("--network", choices=("resnet9", "convnet"), default="resnet9")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--threads", type=int, default=1, help="on a CPU")
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--examples", type=int, default=25000)
    parser.add_argument("--epochs", type=int, default=4, help="epochs that are timed")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--seeds", type=int, default=0, help="whole trainings instead, and their accuracy")
    args = parser.parse_args()
    on_card = args.device == "cuda"
    if not on_card:
        torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    x, y, v, w = load(args.data, args.examples, SIDE[args.network])
    x, v = resident(x, args.device), resident(v, args.device)
    y, w = y.to(args.device), w.to(args.device)
    result = {"mode": args.mode, "torch": torch.__version__,
              "device": torch.cuda.get_device_name() if on_card else f"cpu, {args.threads} threads"}
    if args.seeds:
        scores, begin = [], time.perf_counter()
        for seed in range(args.seeds):
            torch.manual_seed(seed)
            trainer = Trainer(args.mode, args.network, args.device)
            trainer.train(x, y, EPOCHS, EPOCHS, args.batch)
            scores.append(accuracy(trainer.model, v, w))
        result |= {"accuracies": scores, "mean": sum(scores) / len(scores),
                   "seconds_a_model": round((time.perf_counter() - begin) / args.seeds, 2)}
    else:
        trainer = Trainer(args.mode, args.network, args.device)
        begin = time.perf_counter()
        trainer.train(x, y, 1, EPOCHS, args.batch)
        warm = time.perf_counter() - begin
        peak = product_peak(args.device)
        begin = time.perf_counter()
        trainer.train(x, y, args.epochs, EPOCHS, args.batch)
        images = args.epochs * len(x) / (time.perf_counter() - begin)
        tflop = images * NEEDED_GFLOP[args.network] / 1e3
        result |= {"images_per_s": round(images, 1), "models_per_min": round(60 * images / (EPOCHS * len(x)), 2),
                   "tflop_per_s": round(tflop, 4), "product_peak": round(peak, 4),
                   "share_of_peak": round(tflop / peak, 3), "warm_up_s": round(warm, 1)}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
