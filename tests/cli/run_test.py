"""expunge run and its stages on a data set of 80 images: what they print and write, that they can be
repeated, interrupted and shared out."""
import csv
import json
import os
import signal
import time

import cli
import numpy as np

METHODS = ["do nothing", "dm-direct", "DMM", "oracle matching", "retraining"]
n, m, C = 80, 120, 3


def results(folder):
    """Digests of every array, model and table below `folder`."""
    return {name: digest for name, digest in cli.contents(folder).items()
            if name.endswith((".npy", ".safetensors", ".csv"))}


class Run(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder)

    def table(self, folder="out"):
        with open(self.path(f"{folder}/table.csv"), encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def test_every_file_that_is_promised_is_there_with_its_shape(self):
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet")
        for name, shape, dtype in (("subset/masks", (10, n), bool), ("subset/logits", (10, m, C), np.float32),
                                   ("subset/_completed", (10,), bool), ("full/masks", (4, n), bool),
                                   ("full/logits", (4, m, C), np.float32),
                                   ("oracle-three/masks", (4, n), bool), ("shift-three", (m, C), np.float32),
                                   ("dmm-three/logits", (4, m, C), np.float32),
                                   ("matched-three/logits", (2, m, C), np.float32),
                                   ("klom-three-dmm", (m,), np.float64), ("klom-three-retraining", (m,), np.float64)):
            array = self.load(f"out/{name}.npy")
            self.assertEqual((array.shape, array.dtype), (shape, dtype), name)
        self.assertEqual(self.load("out/full/masks.npy").mean(), 1)
        oracle_masks = self.load("out/oracle-three/masks.npy")
        self.assertEqual(np.flatnonzero(~oracle_masks.all(axis=0)).tolist(), [3, 17, 41])
        self.assertEqual(np.flatnonzero(~oracle_masks.any(axis=0)).tolist(), [3, 17, 41])
        np.testing.assert_array_equal(self.load("out/subset/masks.npy").sum(axis=0), 8)  # balanced, alpha 0.8
        self.assertEqual(len(os.listdir(self.path("out/full/weights"))), 4)
        self.assertFalse(os.path.exists(self.path("out/subset/shards")))
        for name in ("config.toml", "attribution.json", "table.csv", "table.json", "report.html"):
            self.assertGreater(os.path.getsize(self.path(f"out/{name}")), 100, name)
        self.assertEqual([name for name in cli.contents(self.path("out")) if name.endswith(".tmp")], [])

    def test_tables_on_the_terminal_in_csv_and_in_json_say_the_same(self):
        out = self.succeeds("run", "tiny.toml", "--out", "out", "--quiet")
        self.assertRegex(out, r"three: 3 examples forgotten; KLoM in nats")
        for method in METHODS:
            self.assertIn(f"\n{method} ", out)
        self.assertIn("Report: out/report.html", out)
        data = json.loads(self.succeeds("report", "tiny.toml", "--out", "out", "--quiet", "--json"))
        with open(self.path("out/table.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), data)
        (section,) = data["forget_sets"]
        self.assertEqual([row["method"] for row in section["methods"]], METHODS)
        self.assertEqual((section["name"], section["size"], data["convention"]), ("three", 3, "corrected"))
        rows = {(row["method"], row["group"]): row for row in self.table()}
        groups = {"forget": [3, 17, 41], "retain": np.delete(np.arange(n), [3, 17, 41]), "validation": range(n, m)}
        for method in section["methods"]:
            file = method["method"].lower().replace(" ", "-")
            klom = self.load(f"out/klom-three-{file}.npy")
            for group, points in groups.items():
                for key, value in (("p95", np.percentile(klom[list(points)], 95)), ("mean", klom[list(points)].mean())):
                    self.assertAlmostEqual(method[group][key], value, delta=1e-9)
                    self.assertAlmostEqual(float(rows[method["method"], group][key]), value, delta=1e-9)
                self.assertIn(f"{method[group]['p95']:.2f}", out)
            self.assertEqual(method["all"]["points"], m)

    def test_table_is_what_margins_and_klom_make_of_the_stores(self):
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet")
        labels = [np.load(self.path(f"{part}_labels.npy")) for part in ("train", "val")]
        self.npy("labels.npy", np.concatenate(labels))
        self.npy("judges.npy", self.load("out/oracle-three/logits.npy")[:2])
        for name, logits in (("dmm", "out/dmm-three/logits.npy"), ("judges", "judges.npy")):
            self.succeeds("margins", logits, "labels.npy", "--out", f"m-{name}.npy")
        self.succeeds("klom", "m-dmm.npy", "m-judges.npy", "--out", "k.npy")
        self.assertTrue(np.array_equal(self.load("k.npy"), self.load("out/klom-three-dmm.npy")))

    def test_running_again_changes_no_byte(self):
        first = self.succeeds("run", "tiny.toml", "--out", "out", "--quiet")
        before = cli.contents(self.path("out"))
        self.assertEqual(self.succeeds("run", "tiny.toml", "--out", "out", "--quiet"), first)
        self.assertEqual(cli.contents(self.path("out")), before)

    def test_stages_by_hand_and_any_number_of_workers_give_the_same_bytes(self):
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet", "--workers", 1)
        for stage in ("train", "attribute", "unlearn", "evaluate"):
            self.succeeds(stage, "tiny.toml", "--out", "by-hand", "--quiet", "--workers", 2)
        expected = results(self.path("out"))
        self.assertGreater(len(expected), 30)
        self.assertEqual(results(self.path("by-hand")), expected)

    def test_folder_is_runs_and_the_name_by_default(self):
        os.mkdir(self.path("elsewhere"))
        done = cli.run("train", "../tiny.toml", "--quiet", "--json", cwd=self.path("elsewhere"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout), {"name": "tiny", "folder": "runs/tiny"})
        self.assertTrue(os.path.exists(self.path("elsewhere/runs/tiny/full/_completed.npy")))

    def test_configuration_that_is_kept_runs_again_as_it_is(self):
        self.succeeds("train", "tiny.toml", "--out", "out", "--quiet")
        os.rename(self.path("three.txt"), self.path("out/three.txt"))
        self.succeeds("train", "out/config.toml", "--out", "again", "--quiet")
        self.assertEqual(results(self.path("again")), results(self.path("out")))

    def test_progress_goes_to_standard_error_only(self):
        done = self.run_here("train", "tiny.toml", "--out", "out")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        for text in ("subset: 10/10", "full: 4/4", "oracle-three: 4/4", "done in"):
            self.assertIn(text, done.stderr)


class Interrupt(cli.Scratch):
    def test_ctrl_c_exits_130_and_the_same_command_goes_on(self):
        cli.tiny_experiment(self.folder, epochs=40, subset=60, full=30)
        command = ("run", "tiny.toml", "--out", "out", "--quiet")
        for stop in (signal.SIGINT, signal.SIGTERM):
            process = cli.start(*command, cwd=self.folder)
            shards = self.path("out/subset/shards")
            there = set(os.listdir(shards)) if os.path.isdir(shards) else set()
            # From the first new row on, the program is at work and has its handlers.
            while process.poll() is None and not (os.path.isdir(shards) and set(os.listdir(shards)) - there):
                time.sleep(0.005)
            process.send_signal(stop)
            out, error = process.communicate()
            self.assertEqual((process.returncode, out), (130, ""), error)
            self.assertRegex(error, r"\Aexpunge: interrupted; [^\n]*the same command goes on[^\n]*\n\Z")
            self.assertFalse(os.path.exists(self.path("out/table.csv")))
        done = self.run_here("train", "tiny.toml", "--out", "out")
        self.assertRegex(done.stderr, r"subset: \d+/60")
        self.succeeds(*command)
        self.succeeds("run", "tiny.toml", "--out", "whole", "--quiet")
        self.assertEqual(results(self.path("out")), results(self.path("whole")))


if __name__ == "__main__":
    cli.main()
