"""Experiment: a module and a training function of one's own through all of Datamodel Matching; and Report."""
import json
import os
import re

import numpy as np
import package
import torch

import expunge

n, m, C = 60, 80, 3
FORGET = [0, 3, 6]


def problem():
    torch.manual_seed(0)
    labels = torch.arange(m) % C
    labels[torch.tensor(FORGET)] = 1  # wrongly labelled: forgetting them shows
    inputs = 2 * torch.nn.functional.one_hot(torch.arange(m) % C, 8).float() + torch.randn(m, 8)
    return expunge.Problem((inputs[:n], labels[:n]), (inputs[n:], labels[n:]))


def model():
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, C))


def train(module, dataset, seed):
    inputs, labels = (torch.stack(part) for part in zip(*dataset))
    optimiser = torch.optim.Adam(module.parameters(), lr=0.03)
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(inputs), labels).backward()
        optimiser.step()


class Experiments(package.Scratch):
    def experiment(self, **keywords):
        arguments = dict(subset_models=40, full_models=20, oracle_models=40, progress=False)
        arguments.update(keywords)
        return expunge.Experiment(self.path("run"), problem(), model, train, **arguments)

    def test_unlearning_comes_near_retraining(self):
        report = self.experiment(evaluation={"resamples": 20}).evaluate({"three": FORGET}, epochs=40)
        numbers = json.loads(report.json())
        methods = {row["method"]: row for row in numbers["forget_sets"][0]["methods"]}
        nothing, direct, dmm, floor = (methods[name]["forget"]["mean"]
                                       for name in ("do nothing", "dm-direct", "DMM", "retraining"))
        self.assertGreater(nothing, 2 * floor)
        self.assertLess(dmm, 0.85 * nothing)  # of so few models KLoM is mostly noise
        self.assertLess(abs(dmm - direct), 0.2 * nothing)
        self.assertGreater(methods["DMM"]["cost_share_of_training"], 0)
        self.assertLess(methods["DMM"]["cost_share_of_training"], 1)
        for name in ("subset", "full", "oracle-three", "dmm-three"):
            self.assertTrue(os.path.exists(self.path(f"run/{name}/logits.npy")), name)
        self.assertEqual(np.load(self.path("run/labels.npy")).tolist(), problem().labels.tolist())
        self.assertEqual(np.load(self.path("run/shift-three.npy")).shape, (m, C))
        # The page, and the numbers in it, once more from what is there: nothing is trained again.
        def never(*_):
            raise AssertionError("trained again")
        again = expunge.Experiment(self.path("run"), problem(), model, never, subset_models=40, full_models=20,
                                   oracle_models=40, progress=False, evaluation={"resamples": 20})
        second = again.evaluate({"three": FORGET}, epochs=40)
        self.assertEqual(second.csv(), report.csv())
        report.save(self.path("report.html"))
        with open(self.path("report.html"), encoding="utf-8") as file:
            page = file.read()
        for text in ("DMM", "dm-direct", "Sequential", "subset_models"):
            self.assertIn(text, page)
        self.assertRegex(report.text(), r"three: 3 examples forgotten")
        klom = expunge.klom(expunge.margins(again.train_full().logits, problem().labels),
                            expunge.margins(again.train_oracles("three", FORGET).logits[:20], problem().labels))
        self.assertAlmostEqual(methods["do nothing"]["all"]["p95"], np.percentile(klom.numpy(), 95), places=12)

    def test_rows_are_alike_whenever_they_are_made(self):
        experiment = self.experiment()
        other = expunge.Experiment(self.path("other"), problem(), model, train, full_models=20, progress=False)
        torch.manual_seed(11)
        first = experiment.train_full()
        torch.manual_seed(12)
        self.assertTrue(torch.equal(other.train_full().logits, first.logits))
        module = experiment.module(first, 4)
        self.assertFalse(module.training)
        self.assertTrue(torch.allclose(module(problem().inputs), first.logits[4], atol=1e-6))

    def test_generators_are_left_as_they_were(self):
        experiment = self.experiment(full_models=3)
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        experiment.train_full()
        self.assertTrue(torch.equal(torch.rand(3), expected))

    def test_another_module_or_setting_is_refused(self):
        self.experiment(settings={"lr": 0.03}).train_full()
        self.refuses(expunge.InputError, "user.lr", self.experiment(settings={"lr": 0.1}).train_full)
        other = expunge.Experiment(self.path("run"), problem(), lambda: torch.nn.Linear(8, C), train, full_models=20,
                                   settings={"lr": 0.03}, progress=False)
        self.refuses(expunge.InputError, "user.module", other.train_full)

    def test_options_are_those_of_a_configuration(self):
        self.assertEqual(expunge.Experiment(self.path("x"), problem(), model, train).options,
                         {"seed": 0, "subset_models": 100, "full_models": 100, "oracle_models": 200, "alpha": 0.8,
                          "masks": "balanced", "logits_dtype": "float32"})
        self.refuses(expunge.OptionError, "subset_models", self.experiment, subset_models=1)
        self.refuses(expunge.OptionError, ["subset_model", "subset_models"], self.experiment, subset_model=5)
        self.assertFalse(os.path.exists(self.path("x")))

    def test_report_refuses_what_is_none(self):
        report = expunge.Report("title", 6)
        u, o = package.margins(1, 8, 9), package.margins(2, 8, 9)
        self.refuses(expunge.InputError, "forget_set()", report.method, "DMM", "unlearner", u)
        report.forget_set("one", [1], o)
        self.refuses(expunge.OptionError, ["role", '"floor"'], report.method, "DMM", "flor", u)
        report.method("DMM", "unlearner", u)
        self.refuses(expunge.InputError, "floor", report.html)
        report.method("retraining", "floor", package.margins(3, 8, 9), cost_share=1)
        self.assertIn("models a side", report.html())
        self.assertEqual(len(re.findall("(?m)^one,", report.csv())), 6)
        self.refuses(expunge.SystemError, "nowhere", report.save, self.path("nowhere/report.html"))


if __name__ == "__main__":
    package.main()
