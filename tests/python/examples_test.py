"""The examples in examples/python, with few models: they run, and what they print is what they promise."""
import os
import re
import subprocess
import sys
import unittest

import package
import torch

import expunge

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "python")
try:
    import sklearn
except ImportError:
    sklearn = None


@unittest.skipIf(sklearn is None, "scikit-learn is not installed for this Python (Debian: python3-sklearn)")
class Examples(package.Scratch):
    def run_example(self, name, *arguments):
        done = subprocess.run([sys.executable, "-B", os.path.join(EXAMPLES, name), *map(str, arguments)],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_digits(self):
        out = self.run_example("digits.py", self.folder, 50)
        rows = {row[0].strip(): [float(x) for x in row[1:]]
                for row in re.findall(r"(?m)^(do nothing|DMM|retraining) .*  ([\d.]+), ([\d.]+), ([\d.]+)$", out)}
        # Means over the forget set, by method: unlearning must come nearer to retraining than to doing nothing.
        nothing, dmm, floor = (rows[name][0] for name in ("do nothing", "DMM", "retraining"))
        self.assertLess(dmm - floor, 0.75 * (nothing - floor), out)
        self.assertTrue(os.path.getsize(self.path("report.html")) > 10000)

    def test_torchscript(self):
        if not package.PROGRAM:
            self.skipTest("the command line was not given")
        out = self.run_example("torchscript.py", self.folder, 8, package.PROGRAM)
        moved, distance, right = map(float, re.search(
            r"moved by ([\d.]+), ([\d.]+) from .* accuracy on validation digits ([\d.]+)", out).groups())
        self.assertLess(distance, moved / 3, out)
        self.assertGreater(right, 0.8, out)
        state = expunge.Ensemble(self.path("run/full")).state_dict(0)
        module = torch.jit.load(self.path("unlearned.pt"))
        self.assertEqual(sorted(state), sorted(module.state_dict()))


if __name__ == "__main__":
    package.main()
