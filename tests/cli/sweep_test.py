"""expunge sweep and expunge reproduce: tables against NumPy, kill -9 and on, and grids that are refused."""
import csv
import json
import os
import random
import shutil
import signal
import time

import numpy as np

import cli

GRID = """name = "few"
[[method]]
name = "ascent"
kind = "gradient_ascent"
learning_rate = [1e-3, 0.02]
epochs = [3, 6]
[[method]]
name = "SCRUB"
kind = "scrub"
epochs = 6
learning_rate = [1e-3, 0.02]
trajectory = true
[[method]]
name = "DMM"
kind = "matching"
[[method]]
name = "dm-direct"
kind = "prediction"
"""


def arrays(folder):
    return {name: digest for name, digest in cli.contents(folder).items() if name.endswith(".npy")}


def table(path):
    """The rows of a sweep's table, without the times."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row.pop("seconds_a_model")
    return rows


class Sweep(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder, epochs=10, subset=30, full=20, oracles=20)
        self.text("grid.toml", GRID)

    def test_the_table_is_what_the_cells_say(self):
        out = self.succeeds("sweep", "tiny.toml", "grid.toml", "--out", "out")
        self.assertIn("SCRUB", out)
        rows = table(self.path("out/sweep/few.csv"))
        self.assertEqual(len(rows), 2 + 8)
        with open(self.path("out/sweep/few-three.svg"), encoding="utf-8") as file:
            picture = file.read()
        for word in ("SCRUB", "DMM", "dm-direct", "do nothing"):
            self.assertIn(word, picture)
        with open(self.path("out/sweep/few.json"), encoding="utf-8") as file:
            self.assertEqual([r["method"] for r in json.load(file)], [r["method"] for r in rows])
        # Losses from the logits themselves.
        labels = self.load("out/labels.npy")
        cells = [name for name in os.listdir(self.path("out/sweep/three")) if name.startswith("dmm-")]
        self.assertEqual(len(cells), 1)
        logits = self.load(f"out/sweep/three/{cells[0]}/logits.npy").astype(np.float64)
        top = logits.max(2, keepdims=True)
        log_sum = np.log(np.exp(logits - top).sum(2)) + top[..., 0]
        loss = (log_sum - np.take_along_axis(logits, labels[None, :, None], 2)[..., 0]).mean(0)
        masks = self.load(f"out/sweep/three/{cells[0]}/masks.npy")
        forgotten = np.flatnonzero(~masks[0])
        row = next(r for r in rows if r["method"] == "DMM")
        self.assertAlmostEqual(float(row["loss_forget"]), loss[forgotten].mean(), places=4)
        self.assertAlmostEqual(float(row["loss_validation"]), loss[masks.shape[1]:].mean(), places=4)
        # Each method has one best cell either way.
        for key in ("best_by_oracles", "best_without_oracles"):
            self.assertEqual(sum(r[key] == "1" for r in rows if r["method"] == "ascent"), 1)

    def test_predictions_alone_by_ridge_and_by_lasso(self):
        self.text("lasso.toml", """
name = "predictions"
[[datamodels]]
name = "lasso"
subset_models = 30
alpha = 0.5
estimator = "lasso"
lasso_path_steps = 6
[[method]]
name = "ridge"
kind = "prediction"
[[method]]
name = "LASSO"
kind = "prediction"
datamodels = "lasso"
""")
        self.succeeds("sweep", "tiny.toml", "lasso.toml", "--out", "out")
        rows = table(self.path("out/sweep/predictions.csv"))
        self.assertEqual({r["method"]: r["subset_models"] for r in rows if r["role"] == "prediction"},
                         {"ridge": "30", "LASSO": "30"})
        with open(self.path("out/attribution@lasso.json"), encoding="utf-8") as file:
            record = json.load(file)
        self.assertEqual(record["options"]["estimator"], "\"lasso\"")
        self.assertEqual(len(record["held_out_error"]), 6)
        self.assertGreater(record["effects_a_target"], 0)
        self.assertTrue(np.isfinite(self.load("out/shift-three@lasso.npy")).all())

    def test_killed_it_goes_on_to_the_same_table(self):
        begin = time.monotonic()
        self.succeeds("sweep", "tiny.toml", "grid.toml", "--out", "whole")
        work = time.monotonic() - begin
        expected = arrays(self.path("whole"))
        moments = random.Random(11)
        kills = 0
        while kills < 8:
            process = cli.start("sweep", "tiny.toml", "grid.toml", "--out", "out", cwd=self.folder)
            time.sleep(moments.random() * work)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
        self.succeeds("sweep", "tiny.toml", "grid.toml", "--out", "out")
        self.assertEqual(arrays(self.path("out")), expected)
        self.assertEqual(table(self.path("out/sweep/few.csv")), table(self.path("whole/sweep/few.csv")))

    def test_a_faulty_grid_is_refused_before_any_work(self):
        for text, says in (
            ("", "at least one [[method]] required"),
            ("[[method]]\nname = \"x\"\nkind = \"scrb\"\n", "scrub"),
            ("[[method]]\nname = \"x\"\nkind = \"ssd\"\nalpha = 0\n", "option alpha"),
            ("[[method]]\nname = \"x\"\nkind = \"ssd\"\nalfa = 1\n", "did you mean \"alpha\"?"),
            ("[[method]\n", "bad.toml:1"),
        ):
            self.text("bad.toml", text)
            with self.subTest(text):
                code = 1 if text == "[[method]\n" else 2
                self.refuses("sweep", "tiny.toml", "bad.toml", "--out", "out", code=code, says=says)
        self.refuses("sweep", "tiny.toml", "none.toml", "--out", "out", says="none.toml")

    def test_a_damaged_cell_is_named(self):
        self.succeeds("sweep", "tiny.toml", "grid.toml", "--out", "out")
        cell = next(n for n in os.listdir(self.path("out/sweep/three")) if n.startswith("scrub-"))
        work = f"out/sweep/three/{cell}/work/00003.json"
        self.text(work, "{")
        self.refuses("sweep", "tiny.toml", "grid.toml", "--out", "out", "--quiet", says=work)


class Reproduce(cli.Scratch):
    def test_unknown_figures_and_scales_are_refused(self):
        self.refuses("reproduce", "figure-9", code=2, says="figure-1")
        self.refuses("reproduce", "figure-1", "--scale", "big", code=2, says="small")

    def test_data_that_are_not_there_are_named(self):
        self.refuses("reproduce", "figure-1", "--scale", "cifar", "--data", "nowhere", says="nowhere")


if __name__ == "__main__":
    cli.main()
