"""expunge lds, against correlations of ranks written out in NumPy."""
import json

import cli
import numpy as np


def ranks(x):
    """Ranks of each column; equal values share the mean of theirs."""
    less = (x[None] < x[:, None]).sum(1)
    equal = (x[None] == x[:, None]).sum(1)
    return less + (equal + 1) / 2


def correlations(a, b):
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0))


class Lds(cli.Scratch):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(0)
        self.masks = random.random((40, 12)) < 0.5
        effects = random.normal(size=(12, 30))
        expected = self.masks @ effects
        self.outputs = (expected + random.normal(size=expected.shape)).astype(np.float32)
        self.again = (expected + random.normal(size=expected.shape)).astype(np.float32)
        self.scores = (effects + random.normal(size=effects.shape)).astype(np.float32)
        for name, array in (("m.npy", self.masks), ("f.npy", self.outputs), ("again.npy", self.again),
                            ("s.npy", self.scores)):
            self.npy(name, array)

    def lds(self, *options):
        return json.loads(self.succeeds("lds", "f.npy", "--json", *options))

    def test_scores_are_summed_over_each_subset(self):
        got = self.lds("--masks", "m.npy", "--scores", "s.npy", "--replicates", "again.npy", "--out", "lds.npy")
        predictions = self.masks @ self.scores
        expected = correlations(ranks(predictions), ranks(self.outputs))
        np.testing.assert_allclose(self.load("lds.npy"), expected, atol=1e-9)
        self.assertAlmostEqual(got["spearman"], expected.mean(), places=9)
        self.assertAlmostEqual(got["pearson"], correlations(predictions, self.outputs).mean(), places=5)
        agreement = correlations(self.again.astype(float), self.outputs.astype(float)).mean()
        self.assertAlmostEqual(got["agreement_pearson"], agreement, places=5)
        self.assertAlmostEqual(got["ceiling_pearson"], agreement**0.5, places=5)
        self.assertLess(got["spearman_low"], got["spearman"])
        self.assertEqual([got["points"], got["models"], got["constant_points"]], [30, 40, 0])
        self.npy("p.npy", predictions.astype(np.float32))
        same = self.lds("--predictions", "p.npy", "--replicates", "again.npy")
        self.assertAlmostEqual(same["spearman"], got["spearman"], places=6)
        text = self.succeeds("lds", "f.npy", "--predictions", "p.npy", "--resamples", "0")
        self.assertRegex(text, r"^LDS, mean over 30 points and 40 models .*Spearman 0\.\d{3}, Pearson 0\.\d{3}\n$")

    def test_refusals(self):
        self.refuses("lds", "f.npy", code=2, says="--scores and --predictions")
        self.refuses("lds", "f.npy", "--scores", "s.npy", code=2, says="--masks")
        self.refuses("lds", "f.npy", "--scores", "s.npy", "--predictions", "f.npy", code=2, says="got both")
        self.npy("short.npy", self.scores[:11])
        self.refuses("lds", "f.npy", "--masks", "m.npy", "--scores", "short.npy", says="short.npy")
        self.refuses("lds", "f.npy", "--masks", "m.npy", "--scores", "m.npy", says="m.npy")
        self.npy("few.npy", self.outputs[:5])
        self.refuses("lds", "few.npy", "--predictions", "few.npy", says="at least 8")
        self.outputs[3, 4] = np.nan
        self.npy("nan.npy", self.outputs)
        self.refuses("lds", "nan.npy", "--predictions", "f.npy", says="model 3, point 4")
        self.refuses("lds", "f.npy", "--predictions", "f.npy", "--out", "none/x.npy", says="none")


if __name__ == "__main__":
    cli.main()
