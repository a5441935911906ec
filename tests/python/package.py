"""What the tests of the Python package share. Each test file is a program: FILE [PROGRAM] [unittest's arguments],
PROGRAM being the command line, with which results are compared: bit for bit, or to 1e-5 where the environment's
EXPUNGE_OTHER_LIBTORCH says that the two are built against different LibTorchs."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings

import numpy as np
import torch

import expunge

PROGRAM = ""


def main():
    global PROGRAM
    if len(sys.argv) > 1 and os.access(sys.argv[1], os.X_OK) and not sys.argv[1].startswith("-"):
        PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(module="__main__")


class Scratch(unittest.TestCase):
    """A test with a folder of its own. Warnings of few models are part of the tests that are about them only."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="expunge-python-")
        self.addCleanup(shutil.rmtree, self.folder)
        catcher = warnings.catch_warnings()
        catcher.__enter__()
        self.addCleanup(catcher.__exit__, None, None, None)
        warnings.filterwarnings("ignore", message="KLoM is stable")

    def path(self, name):
        return os.path.join(self.folder, name)

    def npy(self, name, array):
        np.save(self.path(name), np.asarray(array))
        return name

    def run_program(self, *arguments):
        done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done.stdout

    def assert_same(self, tensor, array):
        """The package's result is the command line's."""
        self.assertEqual(tensor.numpy().dtype, array.dtype)
        self.assertEqual(tuple(tensor.shape), array.shape)
        if os.environ.get("EXPUNGE_OTHER_LIBTORCH"):
            apart = np.abs(tensor.numpy() - array).max()
            print(f"{self.id()}: {apart:.2g} apart", file=sys.stderr)
            self.assertLess(apart, 1e-5)
        else:
            self.assertEqual(tensor.numpy().tobytes(), array.tobytes())

    def refuses(self, error, says, function, *arguments, **keywords):
        """An exception of exactly that class whose one line has all texts of `says` in it."""
        with self.assertRaises(error) as raised:
            function(*arguments, **keywords)
        message = str(raised.exception)
        self.assertIs(type(raised.exception), error, message)
        self.assertNotIn("\n", message)
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, message)
        return message


def margins(seed, models, points):
    random = np.random.default_rng(seed)
    return (random.normal(0, 4, points) + random.normal(0, 3, (models, points))).astype(np.float32)


def masks_and_logits(seed=0, models=40, n=15, m=21, classes=3):
    """Subset models whose logits are linear in their masks, with noise."""
    random = np.random.default_rng(seed)
    masks = random.random((models, n)) < 0.7
    masks[:2], masks[2:4] = True, False
    effects = random.normal(0, 0.3, (n, m, classes))
    effects[np.arange(n), np.arange(n)] += random.normal(0, 3, (n, classes))
    logits = 5 + np.einsum("in,nmc->imc", masks, effects) + random.normal(0, 0.2, (models, m, classes))
    return masks, logits.astype(np.float32)
