"""kill -9 at random moments of a run: started again, it ends with the bytes of one that was let be.

The moments are shares, drawn from one seed, of what a whole run takes on this machine. An experiment
that comes to its end meanwhile is compared and begun anew."""
import os
import random
import shutil
import signal
import time

import cli

KILLS = 20
STAGES = 4  # in which there must have been kills: on a busy machine that may take more of them
SEED = 20240601


def results(folder):
    return {name: digest for name, digest in cli.contents(folder).items()
            if name.endswith((".npy", ".safetensors", ".csv")) and "/shards/" not in name}


def stage_of(folder):
    """The first thing that an experiment in `folder` has not finished, as its files show."""
    for name in ("subset", "full", "oracle-three"):
        if not os.path.exists(os.path.join(folder, name, "_completed.npy")):
            return name
    if not os.path.exists(os.path.join(folder, "attribution.json")):
        return "attribute"
    for name in ("dmm-three", "matched-three"):
        if not os.path.exists(os.path.join(folder, name, "_completed.npy")):
            return name
    return "done" if os.path.exists(os.path.join(folder, "report.html")) else "evaluate"


class Kill(cli.Scratch):
    def start(self, folder):
        """A run that has begun its work: the first line of its progress is there. How long it takes to
        come so far is the machine's affair, and would make most kills land before any work."""
        process = cli.start("run", "tiny.toml", "--workers", 2, "--out", folder, cwd=self.folder)
        self.assertIn("subset: ", process.stderr.readline())
        return process

    def test_run_killed_at_any_moment_goes_on_to_the_same_bytes(self):
        cli.tiny_experiment(self.folder, epochs=30, subset=60, full=40, oracles=40)
        process = self.start("whole")
        begin = time.monotonic()
        process.communicate()
        work = time.monotonic() - begin
        self.assertEqual(process.returncode, 0)
        expected = results(self.path("whole"))
        self.assertGreater(len(expected), 100)

        moments = random.Random(SEED)
        killed_in = []
        stages = lambda: len(set(killed_in) - {"done"})
        while len(killed_in) < KILLS or (stages() < STAGES and len(killed_in) < 5 * KILLS):
            process = self.start("out")
            # A part of the work only, so that one run needs several starts.
            time.sleep(moments.random() ** 2 * 0.6 * work)
            process.send_signal(signal.SIGKILL)
            out, error = process.communicate()
            if process.returncode == -signal.SIGKILL:
                killed_in.append(stage_of(self.path("out")))
            else:
                self.assertEqual(process.returncode, 0, error)
            if stage_of(self.path("out")) == "done":
                self.assertEqual(results(self.path("out")), expected, f"killed in {killed_in}")
                shutil.rmtree(self.path("out"))
        self.succeeds("run", "tiny.toml", "--out", "out")
        self.assertEqual(results(self.path("out")), expected, f"killed in {killed_in}")
        print("killed in", " ".join(killed_in))
        self.assertGreaterEqual(stages(), STAGES, killed_in)


if __name__ == "__main__":
    cli.main()
