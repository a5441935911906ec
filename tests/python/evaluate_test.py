"""margins, klom, ulira and lds in Python: equal to the command line's, of tensors and arrays alike, and what they
refuse."""
import inspect
import json
import sys
import threading
import time
import warnings

import numpy as np
import package
import torch

import expunge


class Evaluate(package.Scratch):
    def test_margins_follow_the_definition(self):
        random = np.random.default_rng(1)
        logits, labels = random.normal(0, 5, (4, 7, 3)), random.integers(0, 3, 7)
        expected = np.empty((4, 7))
        for j, y in enumerate(labels):
            others = np.delete(logits[:, j], y, axis=1)
            expected[:, j] = logits[:, j, y] - np.log(np.exp(others).sum(axis=1))
        got = expunge.margins(torch.tensor(logits, dtype=torch.float32), torch.tensor(labels))
        np.testing.assert_allclose(got.numpy(), expected, atol=1e-5)
        one = expunge.margins(torch.tensor(logits[2], dtype=torch.float32), torch.tensor(labels))
        self.assert_same(one, got[2].numpy())

    def test_results_are_the_command_lines_bit_for_bit(self):
        if not package.PROGRAM:
            self.skipTest("the command line was not given")
        random = np.random.default_rng(2)
        logits = random.normal(0, 5, (6, 50, 4)).astype(np.float32)
        labels = random.integers(0, 4, 50)
        u, o = package.margins(3, 30, 200), package.margins(4, 25, 200)
        for name, array in (("z", logits), ("y", labels), ("u", u), ("o", o)):
            self.npy(name + ".npy", array)
        self.run_program("margins", "z.npy", "y.npy", "--out", "margins.npy")
        self.assert_same(expunge.margins(torch.tensor(logits), torch.tensor(labels)),
                              np.load(self.path("margins.npy")))
        for convention in ("corrected", "easydub"):
            self.run_program("klom", "u.npy", "o.npy", "--out", "klom.npy", "--convention", convention, "--bins", 11)
            self.assert_same(expunge.klom(u, o, convention=convention, bins=11), np.load(self.path("klom.npy")))
        with open(self.path("points.txt"), "w", encoding="utf-8") as file:
            file.write("3\n5\n8\n")
        told = json.loads(self.run_program("ulira", "u.npy", "o.npy", "--points", "points.txt", "--json"))
        self.assertEqual(expunge.ulira(u, o, [3, 5, 8]).accuracy, told["accuracy"])

    def test_numpy_arrays_and_tensors_give_the_same(self):
        u, o = package.margins(5, 20, 60), package.margins(6, 20, 60)
        expected = expunge.klom(torch.tensor(u), torch.tensor(o))
        self.assertEqual(expected.dtype, torch.float64)
        self.npy("u.npy", u)
        mapped = np.load(self.path("u.npy"), mmap_mode="r")
        strided = np.stack([u, u], axis=2)[:, :, 0]
        for left in (u, mapped, strided, torch.tensor(np.ascontiguousarray(u.T)).T, torch.tensor(u, requires_grad=True)):
            self.assertTrue(torch.equal(expunge.klom(left, o), expected))

    def test_arrays_are_not_copied_and_stay_alive(self):
        half = np.zeros((2, 3), np.float16)
        labels = np.zeros(2, np.int64)
        before = sys.getrefcount(half)
        for _ in range(50):
            expunge.margins(np.zeros((2, 3), np.float32), labels)
            expunge.margins(half, labels)
        self.assertEqual(sys.getrefcount(half), before)

    def test_groups_are_summarised(self):
        u, o = package.margins(7, 20, 60), package.margins(8, 20, 60)
        klom = expunge.klom(u, o).numpy()
        summary = expunge.summarise_klom(u, o, 40, [1, 2, 3, 30], resamples=20)
        self.assertAlmostEqual(summary.forget.p95, np.percentile(klom[[1, 2, 3, 30]], 95), places=12)
        self.assertAlmostEqual(summary.validation.mean, klom[40:].mean(), places=12)
        self.assertEqual((summary.retain.points, summary.all.points), (36, 60))
        self.assertLess(summary.all.p95_low, summary.all.p95_high)
        self.assertIn("forget", repr(summary))

    def test_few_models_are_warned_of(self):
        u = package.margins(9, 20, 5)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            expunge.klom(u, u)
        self.assertEqual([str(w.message) for w in told], ["KLoM is stable from about 80 models a side, got 20 and 20"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertRaises(UserWarning, expunge.klom, u, u)

    def test_other_threads_run_meanwhile(self):
        u, o = package.margins(1, 100, 5000), package.margins(2, 100, 5000)
        work = threading.Thread(target=lambda: expunge.summarise_klom(u, o, 4000, [1, 2], resamples=100, workers=1))
        work.start()
        ticks = 0
        while work.is_alive():
            time.sleep(0.002)
            ticks += 1
        self.assertGreater(ticks, 10)  # 1 or 2 where the lock is held

    def test_lds_of_perfect_predictions_is_one(self):
        masks, _ = package.masks_and_logits()
        scores = np.random.default_rng(3).normal(size=(15, 4)).astype(np.float32)
        predictions = expunge.subset_predictions(masks, scores)
        np.testing.assert_allclose(predictions.numpy(), masks @ scores, atol=1e-5)
        result = expunge.lds(predictions, 2 * predictions + 1, resamples=20)
        self.assertAlmostEqual(result.spearman.mean, 1, places=6)
        self.assertAlmostEqual(expunge.lds(predictions, -predictions, resamples=0).pearson.mean, -1, places=5)

    def test_what_is_no_tensor_is_refused(self):
        good = torch.zeros(4, 5)
        refuses = self.refuses
        refuses(expunge.InputError, ["unlearned", "torch.Tensor", "list"], expunge.klom, [[1.0]], good)
        refuses(expunge.InputError, ["oracles", "NoneType"], expunge.klom, good, None)
        refuses(expunge.InputError, ["CPU", "meta"], expunge.klom, torch.zeros(4, 5, device="meta"), good)
        refuses(expunge.InputError, ["dense", "sparse"], expunge.klom, good.to_sparse(), good)
        refuses(expunge.InputError, "strides", expunge.klom, good.numpy()[::-1], good)
        refuses(expunge.InputError, "format", expunge.klom, good.numpy().astype(">f4"), good)
        refuses(expunge.InputError, "format", expunge.klom, good.numpy().astype(np.complex64), good)
        refuses(expunge.InputError, ["unlearned", '"O"'], expunge.klom,
                np.array([[None, 1]], dtype=object), good)

    def test_wrong_shapes_dtypes_and_values_are_refused(self):
        good = torch.zeros(4, 5)
        nan = good.clone()
        nan[2, 3] = float("nan")
        self.refuses(expunge.InputError, "float32", expunge.klom, good.double(), good)
        self.refuses(expunge.InputError, "", expunge.klom, torch.zeros(5), good)
        self.refuses(expunge.InputError, "", expunge.klom, torch.zeros(4, 6), good)
        self.refuses(expunge.InputError, "2", expunge.klom, torch.zeros(1, 5), good)
        message = self.refuses(expunge.NonFiniteError, ["2", "3"], expunge.klom, nan, good)
        self.assertIn("unlearned", message)
        self.refuses(expunge.InputError, "point 1", expunge.margins, torch.zeros(2, 3), torch.tensor([0, 3]))
        self.refuses(expunge.InputError, "", expunge.margins, torch.zeros(2, 3), torch.tensor([0.0, 1.0]))
        self.refuses(expunge.InputError, "", expunge.ulira, good, good, [0, 0])
        self.refuses(expunge.InputError, "", expunge.ulira, good, good, [9])
        self.refuses(expunge.InputError, "int64", expunge.ulira, good, good, torch.tensor([0.5]))
        self.refuses(expunge.InputError, "points", expunge.ulira, good, good, ["a"])
        self.refuses(expunge.InputError, "points", expunge.ulira, good, good, 7)

    def test_options_are_by_keyword_and_checked(self):
        good = torch.zeros(4, 5)
        self.refuses(expunge.OptionError, ["bin", '"bins"'], expunge.klom, good, good, bin=3)
        self.refuses(expunge.OptionError, ["bins", "whole number"], expunge.klom, good, good, bins="many")
        self.refuses(expunge.OptionError, ["bins", "whole number"], expunge.klom, good, good, bins=2.5)
        self.refuses(expunge.OptionError, ["bins", "None"], expunge.klom, good, good, bins=None)
        self.refuses(expunge.OptionError, ["bins", "64 bits"], expunge.klom, good, good, bins=2**70)
        self.refuses(expunge.OptionError, "bins", expunge.klom, good, good, bins=0)
        self.refuses(expunge.OptionError, ["convention", "easydub"], expunge.klom, good, good, convention="easydubs")
        self.refuses(expunge.OptionError, "clip", expunge.klom, good, good, clip=float("nan"))
        self.refuses(expunge.OptionError, "clip", expunge.klom, good, good, clip=object())
        self.assertRaises(TypeError, expunge.klom, good, good, 20)
        self.assertRaises(TypeError, expunge.klom, good)

    def test_exceptions_are_pythons_too(self):
        self.assertTrue(issubclass(expunge.InputError, ValueError))
        self.assertTrue(issubclass(expunge.OptionError, ValueError))
        self.assertTrue(issubclass(expunge.NonFiniteError, expunge.InputError))
        self.assertTrue(issubclass(expunge.NonFiniteError, ArithmeticError))
        self.assertTrue(issubclass(expunge.SystemError, OSError))
        for error in (expunge.InputError, expunge.OptionError, expunge.SystemError):
            self.assertTrue(issubclass(error, expunge.Error))

    def test_signatures_name_options_and_defaults(self):
        self.assertEqual(str(inspect.signature(expunge.klom)),
                         "(unlearned, oracles, *, convention='corrected', bins=20, clip=100.0, "
                         "floor_probability=1e-05, workers=0)")
        for name in expunge.__all__:
            thing = getattr(expunge, name)
            if callable(thing):
                with self.subTest(name):
                    self.assertTrue(thing.__doc__ and len(thing.__doc__) > 10, thing.__doc__)
                    if not isinstance(thing, type):
                        self.assertTrue(inspect.signature(thing).parameters or name == "environment")


if __name__ == "__main__":
    package.main()
