"""expunge scores, and lds of an experiment's attributors: from one file to the next."""
import csv
import json

import cli
import numpy as np

n, m = 80, 120


class Scores(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder)
        self.succeeds("train", "tiny.toml", "--out", "out", "--quiet")

    def scores(self, method, *options):
        return json.loads(self.succeeds("scores", "--config", "tiny.toml", "--experiment", "out", "--method", method,
                                        "--out", f"{method}.npy", "--json", *options))

    def test_an_example_helps_its_own_prediction(self):
        for method, options in (("trak", ("--trak-dimensions", 128)), ("ekfac", ("--ekfac-labels", "all"))):
            with self.subTest(method):
                said = self.scores(method, "--standard-error", "se.npy", *options)
                self.assertEqual([said["training_examples"], said["points"], said["models"]], [n, m, 4])
                scores, error = self.load(f"{method}.npy"), self.load("se.npy")
                self.assertEqual((scores.shape, error.shape, scores.dtype), ((n, m), (n, m), np.float32))
                self.assertGreater((np.diag(scores[:, :n]) > 0).mean(), 0.95)
                self.assertTrue((error >= 0).all() and error.max() > 0)

    def test_scores_are_what_lds_reads(self):
        held_out = json.loads(self.succeeds("lds", "--config", "tiny.toml", "--experiment", "out", "--held-out-models",
                                            10, "--resamples", 20, "--json", "--quiet"))
        self.assertEqual(held_out["models"], 10)
        self.assertEqual([a["name"] for a in held_out["attributors"]], [""])
        with open(self.path("out/lds.csv"), encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([(r["attributor"], r["points"]) for r in rows],
                         [("experiment", "training"), ("experiment", "validation"), ("trained again", "training"),
                          ("trained again", "validation")])
        self.assertAlmostEqual(float(rows[0]["spearman"]), held_out["attributors"][0]["training"]["spearman"], places=9)
        # The same held-out models by files: their agreement is that of the experiment.
        for name in ("held-out", "held-out-again"):
            self.succeeds("margins", f"out/{name}/logits.npy", "out/labels.npy", "--out", f"{name}.npy")
        self.scores("trak")
        said = json.loads(self.succeeds("lds", "held-out.npy", "--masks", "out/held-out/masks.npy", "--scores",
                                        "trak.npy", "--replicates", "held-out-again.npy", "--resamples", 0, "--json"))
        again = held_out["trained_again"]
        expected = (n * again["training"]["spearman"] + (m - n) * again["validation"]["spearman"]) / m
        self.assertAlmostEqual(said["agreement_spearman"], expected, places=6)
        self.assertTrue(-1 <= said["spearman"] <= 1)

    def test_attributors_of_a_grid(self):
        self.text("grid.toml", '[[datamodels]]\nname = "trak"\nsubset_models = 0\nestimator = "trak"\n'
                               '[[method]]\nname = "d"\nkind = "prediction"\ndatamodels = "trak"\n')
        text = self.succeeds("lds", "--config", "tiny.toml", "--experiment", "out", "--attributors", "grid.toml",
                             "--held-out-models", 8, "--quiet")
        self.assertRegex(text, r"(?m)^the experiment's own +-?\d\.\d{3} ")
        self.assertRegex(text, r"(?m)^trak +-?\d\.\d{3} ")
        self.assertRegex(text, r"(?m)^ceiling ")
        self.succeeds("sweep", "tiny.toml", "grid.toml", "--out", "out", "--quiet")
        with open(self.path("out/attribution@trak.json"), encoding="utf-8") as file:
            record = json.load(file)
        self.assertEqual(record["estimator"], "TRAK")
        self.assertEqual(record["multiplier_models"], 10)

    def test_refusals(self):
        take = ("scores", "--config", "tiny.toml", "--experiment", "out", "--out", "s.npy")
        self.refuses(*take, "--trak-dimensions", "0", code=2, says="trak_dimensions")
        self.refuses(*take, "--method", "tracin", code=2, says="trak")
        self.refuses(*take, "--trak-models", "1", "--standard-error", "se.npy", says="at least 2 models")
        self.refuses("scores", "--config", "tiny.toml", "--experiment", "elsewhere", "--out", "s.npy", says="train")
        self.refuses("lds", code=2, says="--config")
        self.refuses("lds", "f.npy", "--config", "tiny.toml", code=2, says="f.npy")
        self.refuses("lds", "--config", "tiny.toml", "--experiment", "out", "--held-out-models", "7", code=2,
                     says="held_out_models")


if __name__ == "__main__":
    cli.main()
