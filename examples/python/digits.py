"""Unlearns ten of scikit-learn's digits from a network of one's own, and measures how well.

usage: digits.py [FOLDER [MODELS]]    100 models of each kind by default
"""
import sys

import torch
from sklearn.datasets import load_digits

import expunge


def train(module, dataset, seed):
    loader = torch.utils.data.DataLoader(dataset, batch_size=50, shuffle=True)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for epoch in range(15):
        for inputs, labels in loader:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(module(inputs), labels).backward()
            optimiser.step()


def model():
    return torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))


folder = sys.argv[1] if len(sys.argv) > 1 else "runs/digits"
models = int(sys.argv[2]) if len(sys.argv) > 2 else 100
images, labels = load_digits(return_X_y=True)
inputs, labels = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
problem = expunge.Problem((inputs[:1000], labels[:1000]), (inputs[1000:], labels[1000:]))
experiment = expunge.Experiment(folder, problem, model, train, subset_models=models, full_models=models,
                                oracle_models=2 * models)
report = experiment.evaluate({"ten": range(10)}, epochs=15)
report.save(f"{folder}/report.html")
print(report.text())
