"""A trained network of one's own, unlearned by the command line: TorchScript file in, TorchScript file out.

usage: torchscript.py [FOLDER [MODELS [PROGRAM]]]    100 models of each kind, the program `expunge` by default
"""
import os
import subprocess
import sys

import numpy
import torch
from sklearn.datasets import load_digits

CONFIG = """name = "mine"
[data]
format = "npy"
path = "."
train_examples = 0
validation_examples = 0
normalise = false
[recipe]
network = "torchscript"
model = "net.pt"
epochs = 15
[ensembles]
subset_models = {models}
full_models = {models}
oracle_models = {oracles}
[[forget_set]]
name = "ten"
file = "ten.txt"
"""


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(64, 64)
        self.last = torch.nn.Linear(64, 10)

    def forward(self, x):
        return self.last(torch.relu(self.hidden(x.flatten(1))))

    @torch.jit.export
    def reset_parameters(self, seed: int):
        for layer in (self.hidden, self.last):
            bound = 1.0 / float(layer.weight.size(1)) ** 0.5
            layer.weight.uniform_(-bound, bound)
            layer.bias.uniform_(-bound, bound)


def train(net, inputs, labels):
    """One's own training; what [recipe] says comes as near to it as it can."""
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=300, pct_start=0.2,
                                                   anneal_strategy="linear", cycle_momentum=False)
    for _ in range(15):
        for batch in torch.randperm(1000).split(50):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[batch]), labels[batch]).backward()
            optimiser.step()
            schedule.step()


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "runs/torchscript"
    models = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    program = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else "expunge"
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(numpy.float32)
    for part, rows in (("train", slice(0, 1000)), ("val", slice(1000, None))):
        numpy.save(f"{part}_images.npy", images[rows])
        numpy.save(f"{part}_labels.npy", labels[rows])
    with open("ten.txt", "w", encoding="utf-8") as file:
        file.write("\n".join(map(str, range(10))) + "\n")
    with open("mine.toml", "w", encoding="utf-8") as file:
        file.write(CONFIG.format(models=models, oracles=2 * models))

    torch.manual_seed(0)
    net = Net()
    torch.jit.script(net).save("net.pt")  # what the others are trained from
    train(net, torch.from_numpy(images), torch.from_numpy(labels))
    torch.jit.script(net).save("trained.pt")  # what is to forget

    def expunge(*arguments):
        subprocess.run([program, *arguments], check=True)

    expunge("run", "mine.toml", "--out", "run", "--quiet")
    for out in ("unlearned.pt", "unlearned.safetensors"):
        expunge("unlearn", "mine.toml", "--model", "trained.pt", "--forget", "ten.txt", "--shift",
                "run/shift-ten.npy", "--out-model", out)

    unlearned = torch.jit.load("unlearned.pt")
    with torch.no_grad():
        inputs = torch.from_numpy(images)
        change = unlearned(inputs) - net(inputs)
        right = (unlearned(inputs[1000:]).argmax(1).numpy() == labels[1000:]).mean()
    wanted = torch.from_numpy(numpy.load("run/shift-ten.npy"))
    distance = (change - wanted)[:10].square().mean().sqrt()
    print(f"forgotten digits: logits moved by {change[:10].square().mean().sqrt():.3f}, "
          f"{distance:.3f} from where they were to go; accuracy on validation digits {right:.3f}")


if __name__ == "__main__":
    main()
