"""Stores: reading what the command line trained, filling one from Python, killed and going on."""
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import package
import torch

import expunge

N, n, m, C = 6, 10, 14, 3


def problem():
    torch.manual_seed(0)
    return expunge.Problem((torch.randn(n, 4), torch.arange(n) % C), (torch.randn(m - n, 4), torch.arange(m - n) % C))


def linear(row, seed, members):
    """A module that depends on what it is given, and nothing else."""
    module = torch.nn.Linear(4, C)
    with torch.no_grad():
        module.weight.fill_(members.sum().item() / 100)
        module.bias.copy_(torch.tensor([row, seed % 97, len(members)]))
    return module


class Stores(package.Scratch):
    def fill(self, folder="store", make=linear, **keywords):
        arguments = dict(name="subset", models=N, alpha=0.8, progress=None)
        arguments.update(keywords)
        return expunge.fill_ensemble(self.path(folder), problem(), make, **arguments)

    def test_masks_are_the_librarys_and_logits_the_modules(self):
        made = {}

        def make(row, seed, members):
            made[row] = (seed, members.clone())
            return linear(row, seed, members)

        store = self.fill(make=make)
        self.assertEqual((store.models, store.n, store.m, store.classes, len(store)), (N, n, m, C, N))
        self.assertTrue(bool(store.completed.all()))
        for row in range(N):
            seed, members = made[row]
            self.assertEqual(torch.nonzero(store.masks[row]).flatten().tolist(), members.tolist())
            self.assertTrue(torch.equal(store.logits[row], linear(row, seed, members)(problem().inputs)))
        self.assertEqual(len({seed for seed, _ in made.values()}), N)
        # Balanced: of five models in a row each leaves out another fifth.
        self.assertEqual(store.masks[:5].sum(0).tolist(), [4] * n)

    def test_files_are_what_numpy_opens(self):
        store = self.fill(logits_dtype="float16")
        self.assertEqual(store.logits.dtype, torch.float16)
        for name in ("masks", "logits"):
            np.testing.assert_array_equal(np.load(self.path(f"store/{name}.npy")), getattr(store, name).numpy())

    def test_changing_a_mapped_tensor_changes_no_file(self):
        store = self.fill()
        logits = store.logits
        logits += 1
        self.assertTrue(torch.equal(store.logits + 1, logits))

    def test_filling_goes_on_where_it_was(self):
        calls = []

        def fails_at_four(row, seed, members):
            calls.append(row)
            if row == 4:
                raise RuntimeError("no more")
            return linear(row, seed, members)

        with self.assertRaisesRegex(RuntimeError, "no more"):
            self.fill(make=fails_at_four)
        half = expunge.Ensemble(self.path("store"))
        self.assertEqual(half.completed.tolist(), [True] * 4 + [False] * 2)
        self.assertEqual(half.logits.shape, (4, m, C))
        self.assertIn("4 of 6", repr(half))
        calls.clear()
        whole = self.fill(make=lambda *row: calls.append(row[0]) or linear(*row))
        self.assertEqual(calls, [4, 5])
        self.assertTrue(torch.equal(whole.logits, self.fill("other").logits))

    def test_killed_in_the_middle_it_ends_with_the_same_bytes(self):
        script = self.path("fill.py")
        with open(script, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(f"""
                import sys, time
                sys.path[:0] = {[os.path.dirname(os.path.abspath(__file__)), *sys.path]!r}
                import ensemble_test as e, expunge
                def slow(*row):
                    print(row[0], flush=True)
                    time.sleep(0.2)
                    return e.linear(*row)
                expunge.fill_ensemble({self.path("killed")!r}, e.problem(), slow, name="subset", models=e.N, alpha=0.8,
                                      progress=None)
                """))
        with subprocess.Popen([sys.executable, "-B", script], stdout=subprocess.PIPE, text=True) as process:
            while process.stdout.readline().strip() != "3":
                self.assertIsNone(process.poll())
            process.kill()
        there = int(expunge.Ensemble(self.path("killed")).completed.sum())
        self.assertTrue(2 <= there <= 4, there)
        self.fill("killed")
        self.fill("whole")
        for name in ("logits.npy", "masks.npy"):
            with open(self.path("killed/" + name), "rb") as a, open(self.path("whole/" + name), "rb") as b:
                self.assertEqual(a.read(), b.read())

    def test_ctrl_c_is_a_keyboard_interrupt_and_keeps_rows(self):
        def interrupted(row, seed, members):
            if row == 2:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.05)
            return linear(row, seed, members)

        with self.assertRaises(KeyboardInterrupt):
            self.fill(make=interrupted)
        self.assertGreaterEqual(int(expunge.Ensemble(self.path("store")).completed.sum()), 2)
        self.assertEqual(int(self.fill().completed.sum()), N)  # and the next call is not stopped by it

    def test_progress_is_told(self):
        told = []
        self.fill(progress=lambda *what: told.append(what))
        self.assertEqual(told[0], ("subset", 0, N, 0))
        self.assertEqual(told[-1], ("subset", N, N, 0))

        def refuses(*_):
            raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, self.fill, "other", progress=refuses)
        self.refuses(expunge.InputError, "progress", self.fill, "third", progress=3)

    def test_weights_are_kept_by_their_names(self):
        store = self.fill(weights=True, make=lambda *row: (linear(*row), {"note": "mine"}))
        state = store.state_dict(2)
        self.assertEqual(sorted(state), ["bias", "weight"])
        module = torch.nn.Linear(4, C)
        module.load_state_dict(state)
        self.assertTrue(torch.equal(module(problem().inputs), store.logits[2]))
        self.assertEqual(store.metadata(2)["note"], "mine")
        self.refuses(expunge.InputError, "from 0 to 5", store.state_dict, 6)
        self.refuses(expunge.InputError, "no weights", self.fill("other").state_dict, 0)

    def test_another_ensemble_in_the_folder_is_refused(self):
        self.fill(settings={"lr": "0.1"})
        self.fill(settings={"lr": "0.1"})
        for other in ({"settings": {"lr": "0.2"}}, {"seed": 1}, {"alpha": 0.5}, {"models": 7}):
            self.refuses(expunge.InputError, "holds another ensemble", self.fill, **{"settings": {"lr": "0.1"}, **other})

    def test_bad_makers_are_refused(self):
        nan = torch.nn.Linear(4, C)
        torch.nn.init.constant_(nan.bias, float("nan"))
        for says, make in (("torch.nn.Module", lambda *_: 3), ("torch.nn.Module", lambda *_: None),
                           ("notes", lambda *row: (linear(*row), 3)), ("classes", lambda *_: torch.nn.Sequential(torch.nn.Linear(4, C), torch.nn.Flatten(0))),
                           ("got none", lambda *_: torch.nn.Flatten()),
                           ("(14, 3)", lambda *_: torch.nn.Linear(4, 2))):
            with self.subTest(says):
                self.refuses(expunge.InputError, says, self.fill, "bad", make=make)
        message = self.refuses(expunge.NonFiniteError, "model 0", self.fill, "nan", make=lambda *_: nan)
        self.assertIn("not finite", message)
        self.assertRaises(TypeError, self.fill, "arguments", make=lambda: None)

    def test_stores_that_are_not_sound_are_refused(self):
        self.refuses(expunge.SystemError, "ensemble.json", expunge.Ensemble, self.path("nowhere"))
        store = self.fill()
        with open(self.path("store/logits.npy"), "r+b") as file:
            file.truncate(300)
        self.refuses(expunge.InputError, "logits.npy", lambda: store.logits)
        with open(self.path("store/ensemble.json"), "w", encoding="utf-8") as file:
            file.write("{")
        self.refuses(expunge.InputError, "ensemble.json", expunge.Ensemble, self.path("store"))

    def test_a_store_of_the_command_line_opens(self):
        if not package.PROGRAM:
            self.skipTest("the command line was not given")
        sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
        import cli
        cli.tiny_experiment(self.folder)
        with open(self.path("tiny.toml"), "a", encoding="utf-8") as file:
            file.write("[attribution]\nestimator = \"ridge\"\n")  # what Python's SubsetDatamodels are
        self.run_program("train", "tiny.toml", "--out", "run", "--quiet")
        self.run_program("attribute", "tiny.toml", "--out", "run", "--quiet")
        subset = expunge.Ensemble(self.path("run/subset"))
        self.assertEqual((subset.models, subset.name), (10, "subset"))
        self.assertEqual(subset.settings["recipe.epochs"], "3")
        shift = expunge.SubsetDatamodels().fit(subset.masks, subset.logits).removal_shift([3, 17, 41])
        self.assert_same(shift, np.load(self.path("run/shift-three.npy")))
        state = expunge.Ensemble(self.path("run/full")).state_dict(0)
        self.assertEqual(sorted(state), ["1.bias", "1.weight", "3.bias", "3.weight"])

    def test_subset_masks_depend_on_their_arguments_alone(self):
        masks = torch.stack([expunge.subset_mask(20, row, seed=3, alpha=0.75) for row in range(4)])
        self.assertEqual(masks.sum(0).tolist(), [3] * 20)
        self.assertTrue(torch.equal(expunge.subset_mask(20, 2, seed=3, alpha=0.75), masks[2]))
        self.refuses(expunge.OptionError, "alpha", expunge.subset_mask, 20, 0, alpha=1.5)
        self.refuses(expunge.InputError, "row", expunge.subset_mask, 20, -1)


if __name__ == "__main__":
    package.main()
