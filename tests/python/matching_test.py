"""Problems, and bringing modules to targets."""
import copy

import numpy as np
import package
import torch

import expunge

n, m, C = 60, 80, 3


def data(seed=0):
    torch.manual_seed(seed)
    labels = torch.arange(m) % C
    return torch.randn(m, 1, 6, 6) + torch.nn.functional.one_hot(labels, 6)[:, None, :, None], labels


def problem():
    inputs, labels = data()
    return expunge.Problem((inputs[:n], labels[:n]), (inputs[n:], labels[n:]))


def network():
    torch.manual_seed(3)
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(),
                                 torch.nn.Dropout(0.5), torch.nn.Linear(64, C))
    module(data()[0])  # running statistics away from their start
    return module.eval()


FORGET = [3, 10, 29]


class Matching(package.Scratch):
    def targets(self, module, by=1.0):
        return expunge.logits(module, problem()) + by

    def test_problems_come_from_tensors_and_data_sets(self):
        inputs, labels = data()

        class Pairs(torch.utils.data.Dataset):
            def __init__(self, first, last):
                self.range = range(first, last)

            def __len__(self):
                return len(self.range)

            def __getitem__(self, i):
                return inputs[self.range[i]].numpy(), int(labels[self.range[i]])

        a, b = problem(), expunge.Problem(Pairs(0, n), Pairs(n, m))
        self.assertEqual((a.n, a.m, a.classes), (n, m, C))
        self.assertTrue(torch.equal(a.inputs, inputs) and torch.equal(a.labels, labels))
        self.assertEqual(a.fingerprint, b.fingerprint)
        self.assertEqual(expunge.Problem((inputs, labels)).n, m)
        self.assertEqual(expunge.Problem((inputs, labels), classes=7).classes, 7)

    def test_problems_that_are_none_are_refused(self):
        inputs, labels = data()
        refuses = self.refuses
        refuses(expunge.InputError, "train", expunge.Problem, 3)
        refuses(expunge.InputError, "train", expunge.Problem, (inputs, labels, labels))
        refuses(expunge.InputError, ["train", "(79,)"], expunge.Problem, (inputs, labels[1:]))
        refuses(expunge.InputError, "whole numbers", expunge.Problem, (inputs, labels.float()))
        refuses(expunge.InputError, "float32 or float64", expunge.Problem, (inputs.long(), labels))
        refuses(expunge.InputError, "validation", expunge.Problem, (inputs, labels), (inputs[:, :, :5], labels))
        refuses(expunge.InputError, "from 0 to 1 required, got 2", expunge.Problem, (inputs, labels), classes=2)
        refuses(expunge.InputError, "", expunge.Problem, (inputs, labels - 1))
        refuses(expunge.InputError, "", expunge.Problem, (inputs[:0], labels[:0]))
        refuses(expunge.InputError, "CPU", expunge.Problem, (inputs.to("meta"), labels), classes=C)
        refuses(expunge.NonFiniteError, "point 0", expunge.Problem, (inputs / 0, labels))
        refuses(expunge.InputError, "one shape", expunge.Problem, [(inputs[0], 1), (inputs[0, :, :3], 2)] * 2)

    def test_logits_are_the_modules_in_eval_mode(self):
        module = network()
        module.train()
        module[1].eval()
        got = expunge.logits(module, problem(), batch=7)
        self.assertEqual([part.training for part in module], [True, False, True, True, True, True])
        with torch.no_grad():
            self.assertTrue(torch.allclose(got, module.eval()(data()[0]), atol=1e-6))

    def test_both_engines_reach_the_targets_and_hold_the_rest(self):
        for options in ({}, {"engine": "gradient", "learning_rate": 5e-3}):
            module = network()
            before = expunge.logits(module, problem())
            summary = expunge.match_targets(module, problem(), FORGET, self.targets(module), seed=2, **options)
            after = expunge.logits(module, problem())
            change = after - before
            self.assertAlmostEqual(summary.forget_error_before, 1, places=5)
            self.assertLess(summary.forget_error_after, 0.35, options)
            error = (change[FORGET] - 1).square().mean().sqrt().item()
            self.assertAlmostEqual(summary.forget_error_after, error, places=5)
            rest = [i for i in range(n) if i not in FORGET]
            margins = [expunge.margins(z, problem().labels)[rest] for z in (before, after)]
            self.assertLess((margins[1] - margins[0]).square().mean().sqrt().item(), 0.25, options)
            self.assertGreater(summary.sample_gradients, len(FORGET))

    def test_a_step_is_the_smallest_change_of_the_weights(self):
        # One linear layer: what the minimum-norm solution is can be written down.
        torch.manual_seed(1)
        inputs, labels = torch.randn(30, 40, dtype=torch.float64), torch.arange(30) % 2
        small = expunge.Problem((inputs[:20], labels[:20]), (inputs[20:], labels[20:]))
        module = torch.nn.Linear(40, 2, bias=False).double()
        weight = module.weight.detach().clone()
        targets = expunge.logits(module, small) + torch.randn(30, 2, dtype=torch.float64)
        expunge.match_targets(module, small, [4, 7], targets, steps=1, retain_points=18, damp=1e-9)
        # Rows: both logits of the two, and the margin of all others, which is z_y minus the other logit.
        signs = torch.nn.functional.one_hot(labels[:20], 2) * 2.0 - 1
        rows = [torch.outer(torch.eye(2, dtype=torch.float64)[c], inputs[i]).flatten() for i in (4, 7) for c in (0, 1)]
        wanted = [(targets - inputs @ weight.T)[i, c] for i in (4, 7) for c in (0, 1)]
        for i in (i for i in range(20) if i not in (4, 7)):
            rows.append(torch.outer(signs[i].double(), inputs[i]).flatten())
            wanted.append(torch.tensor(0.0, dtype=torch.float64))
        change = torch.linalg.pinv(torch.stack(rows)) @ torch.stack(wanted)
        np.testing.assert_allclose((module.weight.detach() - weight).flatten(), change, atol=1e-5)

    def test_the_same_seed_gives_the_same_weights(self):
        modules = [network() for _ in range(3)]
        for module, seed in zip(modules, (5, 5, 6)):
            expunge.match_targets(module, problem(), FORGET, self.targets(module), seed=seed, retain_points=10)
        weights = [torch.nn.utils.parameters_to_vector(module.parameters()) for module in modules]
        self.assertTrue(torch.equal(weights[0], weights[1]))
        self.assertFalse(torch.equal(weights[0], weights[2]))

    def test_frozen_parameters_and_statistics_stay(self):
        module = network()
        module[0].weight.requires_grad_(False)
        before = copy.deepcopy(module.state_dict())
        expunge.match_targets(module, problem(), FORGET, self.targets(module))
        after = module.state_dict()
        for name in ("0.weight", "1.running_mean", "1.running_var"):
            self.assertTrue(torch.equal(before[name], after[name]), name)
        self.assertFalse(torch.equal(before["5.weight"], after["5.weight"]))
        for parameter in module.parameters():  # each in memory of its own again, as optimisers and files expect
            self.assertTrue(parameter.is_leaf)
            self.assertEqual(parameter.storage_offset(), 0)

    def test_if_it_raises_the_module_is_as_it_was(self):
        module = network()
        before = copy.deepcopy(module.state_dict())
        with self.assertRaises(expunge.NonFiniteError):
            expunge.match_targets(module, problem(), FORGET, self.targets(module), engine="gradient",
                                  optimiser="sgd", learning_rate=1e6, train_mode=True)
        for name, value in module.state_dict().items():
            self.assertTrue(torch.equal(value, before[name]), name)
        self.assertFalse(module.training)

    def test_exceptions_of_the_module_come_through(self):
        class Broken(torch.nn.Linear):
            def forward(self, x):
                raise KeyError("mine")

        inputs, labels = torch.randn(12, 4), torch.arange(12) % 2
        small = expunge.Problem((inputs[:8], labels[:8]), (inputs[8:], labels[8:]))
        self.assertRaises(KeyError, expunge.logits, Broken(4, 2), small)
        self.assertRaises(KeyError, expunge.match_targets, Broken(4, 2), small, [1], torch.zeros(12, 2))

    def test_what_is_no_module_and_wrong_targets_are_refused(self):
        module = network()
        targets = self.targets(module)
        match = expunge.match_targets
        self.refuses(expunge.InputError, "torch.nn.Module", match, 3, problem(), FORGET, targets)
        self.refuses(expunge.InputError, "got none", match, torch.nn.Flatten(), problem(), FORGET, targets)
        self.refuses(expunge.InputError, "(80, 3)", match, module, problem(), FORGET, targets[:10])
        self.refuses(expunge.NonFiniteError, "target", match, module, problem(), FORGET, targets / 0)
        self.refuses(expunge.InputError, "CPU", match, module, problem(), FORGET, targets.to("meta"))
        for forget in ([], [60], [1, 1], list(range(60))):
            self.refuses(expunge.InputError, "", match, module, problem(), forget, targets)
        self.refuses(expunge.OptionError, ["step", "steps"], match, module, problem(), FORGET, targets, step=1)
        self.refuses(expunge.OptionError, "damp", match, module, problem(), FORGET, targets, damp=0)
        mixed = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 4), torch.nn.Linear(4, C).double())
        self.refuses(expunge.InputError, "one dtype", match, mixed, problem(), FORGET, targets)
        self.refuses(expunge.InputError, "(80, 3)", match, torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 5)),
                     problem(), FORGET, torch.zeros(m, 5))
        self.assertRaises(TypeError, match, module, problem(), FORGET, targets, 3)
        self.assertRaises(TypeError, match, module, "problem", FORGET, targets)

    def test_signature_has_the_librarys_options(self):
        import inspect
        signature = inspect.signature(expunge.match_targets)
        self.assertEqual(signature.parameters["engine"].default, "kernel")
        self.assertEqual(signature.parameters["damp"].default, 0.01)
        self.assertEqual(signature.parameters["seed"].kind, inspect.Parameter.KEYWORD_ONLY)


if __name__ == "__main__":
    package.main()
