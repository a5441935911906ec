"""expunge fill, status and launch without a cluster: tasks side by side against one process, and refusals."""
import json
import os
import signal
import time

import cli


def results(folder):
    return {name: digest for name, digest in cli.contents(folder).items()
            if name.endswith((".npy", ".safetensors", ".csv")) and "/shards/" not in name}


class Fill(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder, subset=12, full=6, oracles=8)

    def fill(self, stage, task=None):
        more = ["--task", task] if task else []
        return self.succeeds("fill", "tiny.toml", "--out", "out", "--stage", stage, *more, "--quiet")

    def status(self, *arguments):
        return json.loads(self.succeeds("status", *arguments, "--json"))

    def test_tasks_at_the_same_time_leave_what_one_run_leaves(self):
        self.succeeds("run", "tiny.toml", "--out", "whole", "--quiet")
        for stage in ("train", "unlearn"):
            tasks = [cli.start("fill", "tiny.toml", "--out", "out", "--stage", stage, "--task", f"{i}/3",
                               "--workers", 1, "--quiet", cwd=self.folder) for i in (1, 2, 3)]
            for task in tasks:
                out, error = task.communicate(timeout=300)
                self.assertEqual((task.returncode, out, error), (0, "", ""))
            self.fill(stage)
            if stage == "train":
                self.fill("attribute")
        self.succeeds("evaluate", "tiny.toml", "--out", "out", "--quiet")
        self.assertEqual(results(self.path("out")), results(self.path("whole")))

    def test_a_killed_task_is_seen_and_made_up_for(self):
        cli.tiny_experiment(self.folder, epochs=3000, subset=40, full=20, oracles=20)
        self.succeeds("train", "tiny.toml", "--out", "whole", "--quiet")
        lost = cli.start("fill", "tiny.toml", "--out", "out", "--stage", "train", "--task", "2/2", "--workers", 1,
                         cwd=self.folder)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if os.path.exists(self.path("out/tasks/train-2-of-2.json")):
                break
            time.sleep(0.01)
        status = self.status("out")
        self.assertEqual([task["state"] for task in status["tasks"]], ["running"])
        lost.send_signal(signal.SIGKILL)
        lost.communicate()
        self.assertEqual(lost.returncode, -signal.SIGKILL)
        # Its last sign of life, but long ago.
        record = self.path("out/tasks/train-2-of-2.json")
        os.utime(record, (time.time() - 1000,) * 2)
        text = self.succeeds("status", "tiny.toml", "--out", "out")
        self.assertRegex(text, r"train 2/2, on \S+: lost, silent for 1\d\d\d s")
        self.assertIn("tasks: 1 lost", text)
        self.fill("train", "1/2")
        half = self.status("out")["stores"]
        self.assertGreaterEqual(sum(store["done"] for store in half), 40)
        self.assertEqual(sum(store["running"] for store in half), 0)
        self.fill("train")
        stores = self.status("out")["stores"]
        self.assertEqual([store["done"] for store in stores[:3]], [40, 20, 20])
        self.assertEqual([store["complete"] for store in stores], [True] * 3 + [False] * 2)
        self.assertEqual(results(self.path("out")), results(self.path("whole")))

    def test_status_tells_every_row_once(self):
        self.fill("train", "1/4")
        status = self.status("out")
        self.assertEqual([store["store"] for store in status["stores"]],
                         ["subset", "full", "oracle-three", "dmm-three", "matched-three"])
        self.assertEqual([store["models"] for store in status["stores"]], [12, 6, 8, 6, 4])
        for store in status["stores"]:
            self.assertEqual(store["done"] + store["running"] + store["failed"] + store["waiting"], store["models"])
        self.assertEqual(sum(store["done"] for store in status["stores"]), 7)  # of 26, from 1 by 4
        self.assertEqual(status["tasks"][0]["state"], "finished")
        text = self.succeeds("status", "out")
        self.assertIn("tiny in out\n", text)
        self.assertIn("predicted shifts: 0 of 1 forget sets\n", text)

    def test_a_sweep_is_filled_by_tasks(self):
        self.text("grid.toml", """name = "few"
[[method]]
name = "ascent"
kind = "gradient_ascent"
learning_rate = [1e-4, 1e-3]
""")
        self.succeeds("sweep", "tiny.toml", "grid.toml", "--out", "whole", "--quiet")
        for stage in ("train", "attribute", "unlearn"):
            if stage != "attribute":
                self.succeeds("fill", "tiny.toml", "--out", "out", "--sweep", "grid.toml", "--stage", stage, "--task",
                              "2/3", "--quiet")
            self.succeeds("fill", "tiny.toml", "--out", "out", "--sweep", "grid.toml", "--stage", stage, "--quiet")
        cells = self.status("out", "--sweep", "grid.toml")["stores"][3:]
        self.assertEqual([cell["done"] for cell in cells], [6, 6])
        self.succeeds("sweep", "tiny.toml", "grid.toml", "--out", "out", "--quiet")
        arrays = [{name: digest for name, digest in results(self.path(folder)).items() if name.endswith(".npy")}
                  for folder in ("out", "whole")]
        self.assertEqual(*arrays)

    def test_wrong_tasks_and_stages_are_refused(self):
        for task in ("", "3", "0/3", "4/3", "1/0", "1/-1", "a/b", "1/2/3", "1/2 ", "99999999999999999999/1"):
            with self.subTest(task):
                self.refuses("fill", "tiny.toml", "--stage", "train", "--task", task, code=2, says="option task: ")
        self.refuses("fill", "tiny.toml", "--stage", "trian", code=2, says='got "trian"')
        self.refuses("fill", "tiny.toml", code=2, says="--stage required")
        self.fill("train", "1/2")
        self.refuses("fill", "tiny.toml", "--out", "out", "--stage", "attribute", "--task", "1/2", code=2,
                     says="stage attribute: one task required, got 2")

    def test_status_of_what_is_no_experiment_is_refused(self):
        self.refuses("status", "nowhere", says="nowhere")
        self.refuses("status", "tiny.toml", says="runs/tiny: an experiment required, none there")
        os.mkdir(self.path("empty"))
        self.refuses("status", "empty", says="empty: an experiment required, none there")
        self.fill("train", "1/4")
        self.refuses("status", "out", "--out", "out", code=2, says="--out: a configuration file beside it required")
        self.text("out/subset/ensemble.json", "{")
        self.refuses("status", "out", says="subset/ensemble.json")


class Launch(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder)

    def test_a_dry_run_prints_what_would_be_submitted_and_leaves_nothing(self):
        before = cli.contents(self.folder)
        text = self.succeeds("launch", "slurm", "tiny.toml", "--tasks", 4, "--dry-run", "--", "--time=1:00:00", "-p",
                             "cpu")
        self.assertEqual(cli.contents(self.folder), before)
        self.assertEqual(text.count("#!/bin/bash\n"), 4)
        self.assertEqual(text.count("#SBATCH --time=1:00:00 -p cpu\n"), 4)
        self.assertEqual(text.count("#SBATCH --array=1-4\n"), 2)
        self.assertIn("# sbatch --parsable --dependency=afterany:ID_OF_train --kill-on-invalid-dep=yes ", text)
        self.assertIn(f'--task "$SLURM_ARRAY_TASK_ID/4"', text)
        listed = json.loads(self.succeeds("launch", "slurm", "tiny.toml", "--tasks", 4, "--dry-run", "--json"))
        self.assertEqual([job["name"] for job in listed["jobs"]], ["train", "attribute", "unlearn", "evaluate"])
        self.assertEqual([job["tasks"] for job in listed["jobs"]], [4, 1, 4, 1])

    def test_faults_show_before_anything_is_submitted(self):
        self.refuses("launch", "slurm", "tiny.toml", "--tasks", 0, "--dry-run", code=2, says="at least 1 required, got 0")
        self.refuses("launch", "slurm", "none.toml", "--tasks", 2, "--dry-run", says="none.toml")
        self.refuses("launch", code=2, says="launch: a kind required")
        self.refuses("launch", "slurm", "tiny.toml", "--time=1:00", code=2,
                     says=("unknown option --time", "(options of sbatch stand after --)"))
        empty = {**os.environ, "PATH": self.folder}
        self.refuses("launch", "slurm", "tiny.toml", "--tasks", 2, env=empty, says="sbatch required, not found in PATH")


if __name__ == "__main__":
    cli.main()
