"""expunge forecast: from subset and full models alone, and beside what came of it."""
import csv
import io
import json
import os
import shutil

import cli
import numpy as np


class Forecast(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder, epochs=2, subset=25, full=20, oracles=40)
        self.succeeds("train", "tiny.toml", "--quiet")

    def forecast(self, *options):
        return json.loads(self.succeeds("forecast", "tiny.toml", "--quiet", "--json", "--resamples", "20", *options))

    def test_needs_no_oracles_and_measures_where_they_are(self):
        with_oracles = self.forecast()
        self.assertEqual([with_oracles[key] for key in ("subset_models", "full_models", "oracles")], [25, 20, 20])
        (entry,) = with_oracles["forget_sets"]
        self.assertEqual((entry["name"], entry["size"]), ("three", 3))
        # What came of it is what the program's own parts say of the same arrays.
        shift = self.load("runs/tiny/shift-three.npy")
        np.save(self.path("z.npy"), self.load("runs/tiny/full/logits.npy").astype(np.float32) + shift)
        np.save(self.path("o.npy"), self.load("runs/tiny/oracle-three/logits.npy")[:20])
        for name in ("z", "o"):
            self.succeeds("margins", f"{name}.npy", "runs/tiny/labels.npy", "--out", f"m{name}.npy")
        self.succeeds("klom", "mz.npy", "mo.npy", "--out", "k.npy")
        klom = self.load("k.npy")
        with open(self.path("three.txt"), encoding="utf-8") as file:
            forget = [int(line.split("#")[0]) for line in file if line.split("#")[0].strip()]
        self.assertAlmostEqual(entry["measured_p95"]["forget"]["value"], np.percentile(klom[forget], 95), places=2)
        self.assertAlmostEqual(entry["measured_p95"]["validation"]["value"], np.percentile(klom[80:], 95), places=2)
        self.assertIn("floor_p95", entry)
        for group in ("forget", "retain", "validation"):
            told = entry["forecast_p95"][group]
            self.assertLessEqual(told["low"], told["value"])
            self.assertLessEqual(told["value"], told["high"])

        shutil.rmtree(self.path("runs/tiny/oracle-three"))
        without = self.forecast()
        (alone,) = without["forget_sets"]
        self.assertNotIn("measured_p95", alone)
        for key in ("forecast_p95", "multiplier", "bias", "warnings"):
            self.assertEqual(alone[key], entry[key])
        with open(self.path("runs/tiny/forecast.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), without)
        text = self.succeeds("forecast", "tiny.toml", "--quiet", "--resamples", "20", "--workers", "1")
        self.assertIn("25 subset models and 20 full models, judged by 20 oracles", text)
        with open(self.path("runs/tiny/forecast.csv"), encoding="utf-8") as file:
            rows = list(csv.reader(io.StringIO(file.read())))
        self.assertEqual(rows[1][:3], ["three", "dm-direct", "3"])
        self.assertIn(rows[1][3], text)

    def test_the_report_shows_it(self):
        self.succeeds("run", "tiny.toml", "--quiet")
        with open(self.path("runs/tiny/report.html"), encoding="utf-8") as file:
            self.assertNotIn("forecast without oracles", file.read())
        (entry,) = self.forecast()["forget_sets"]
        self.succeeds("report", "tiny.toml", "--quiet")
        with open(self.path("runs/tiny/report.html"), encoding="utf-8") as file:
            page = file.read()
        self.assertIn("forecast without oracles", page)
        self.assertIn(f"{entry['forecast_p95']['forget']['value']:.2f}", page)
        with open(self.path("runs/tiny/forecast.json"), "w", encoding="utf-8") as file:
            file.write('{"oracles": 3}')
        self.refuses("report", "tiny.toml", "--quiet", says="what expunge forecast wrote required")

    def test_unlearned_models_are_forecast_too_without_oracles(self):
        shutil.rmtree(self.path("runs/tiny/oracle-three"))
        direct, matched = self.forecast("--dmm")["forget_sets"]
        self.assertEqual([direct["method"], matched["method"]], ["dm-direct", "DMM"])
        self.assertEqual(direct["bias"], matched["bias"])
        self.assertNotEqual(direct["forecast_p95"], matched["forecast_p95"])
        self.assertGreater(matched["mutual_effects"], 0)
        self.assertEqual(self.load("runs/tiny/dmm-three/logits.npy").shape[0], 20)

    def test_refusals(self):
        self.refuses("forecast", "tiny.toml", "--out", "none", says="expunge train")
        self.refuses("forecast", "tiny.toml", "--resamples", "5", code=2, says="resamples")
        self.refuses("forecast", "tiny.toml", "--oracles", "1", code=2, says="oracles")
        shutil.rmtree(self.path("runs/tiny/subset"))
        self.refuses("forecast", "tiny.toml", "--quiet", says=["subset", "expunge train"])
        cli.tiny_experiment(self.folder, epochs=1, subset=10, full=4, oracles=4)
        self.succeeds("train", "tiny.toml", "--out", "few", "--quiet")
        self.succeeds("attribute", "tiny.toml", "--out", "few", "--quiet")
        self.refuses("forecast", "tiny.toml", "--out", "few", "--quiet", says="at least 20 subset models")
        self.assertFalse(os.path.exists(self.path("few/forecast.json")))


if __name__ == "__main__":
    cli.main()
