"""What an operating system does to a process: interrupted calls and short reads, clocks that jump, few file
descriptors, little memory, two processes on one store, stores of a newer version. All end in results that equal an
undisturbed run's byte for byte, at once or when the same command is given again."""
import json
import os
import re
import resource
import shutil
import subprocess
import time

import cli
import numpy as np

GIB = 1 << 30
PRELOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "preload")


def results(folder):
    """But for the page, which names the folder, and what tasks said of themselves."""
    return {name: digest for name, digest in cli.contents(folder).items()
            if digest != "folder" and "report.html" not in name and not name.startswith("tasks/")}


class SystemFaults(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder)
        # The program starts itself anew where that makes BLAS faster: here every process is to be met at once.
        self.environment = {**os.environ, "EXPUNGE_RESTARTED": "1", "OPENBLAS_NUM_THREADS": "1"}

    def whole(self):
        self.succeeds("run", "tiny.toml", "--out", "whole", "--quiet", env=self.environment)
        return results(self.path("whole"))

    def preloaded(self, name):
        """The environment in which the program calls a small library of ours before the system's."""
        compiler = shutil.which("cc")
        if not compiler:
            self.skipTest("needs a C compiler")
        library = self.path(name + ".so")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, os.path.join(PRELOAD, name + ".c"), "-ldl"],
                       check=True)
        return {**self.environment, "LD_PRELOAD": library, "FAULTS_COUNTED": self.path("counted")}

    def counted(self):
        with open(self.path("counted"), encoding="utf-8") as file:
            return [int(line) for line in file]

    @cli.unsanitized
    def test_short_reads_and_writes_and_interrupted_calls(self):
        expected = self.whole()
        environment = self.preloaded("short_io")
        for stage in ("train", "attribute", "unlearn", "evaluate"):
            self.succeeds(stage, "tiny.toml", "--out", "out", "--quiet", "--workers", 2, env=environment)
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet", env=environment)
        self.assertEqual(results(self.path("out")), expected)
        self.succeeds("verify", "out", "--quiet", env=environment)
        self.succeeds("status", "out", env=environment)
        self.assertGreater(min(self.counted()), 0)
        self.assertGreater(sum(self.counted()), 300)

    @cli.unsanitized
    def test_interrupted_calls_of_a_desk(self):
        environment = self.preloaded("short_io")
        cli.tiny_experiment(self.folder, epochs=2, subset=20, full=20)
        models = []
        for desk, env in (("whole", self.environment), ("desk", environment)):
            self.succeeds("desk", "init", desk, "--config", "tiny.toml", "--resamples", 20, "--oracles", 20, "--budget",
                          500, "--hard-limit", 1000, "--quiet", env=env)
            self.succeeds("desk", "request", desk, "--ids", "3,17", env=env)
            self.succeeds("desk", "process", desk, "--quiet", env=env)
            self.assertIn("sound: 2 certificates", self.succeeds("desk", "verify", desk, env=env))
            status = json.loads(self.succeeds("desk", "status", desk, "--json", env=env))
            models.append([version["model_sha256"] for version in status["versions"]])
        self.assertEqual(*models)

    @cli.unsanitized
    def test_a_clock_that_jumps_by_days(self):
        expected = self.whole()
        environment = self.preloaded("jumping_clock")
        done = self.run_here("run", "tiny.toml", "--out", "out", "--workers", 2, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(results(self.path("out")), expected)
        # Progress goes by the clock that does not jump.
        for seconds in re.findall(r"\d+/\d+, (\d+) s ", done.stderr):
            self.assertLess(int(seconds), 600)
        self.assertNotRegex(done.stderr, r"\d h \d\d min")
        # Tasks side by side, each of whose signs of life and unfinished files may look a day old to the others.
        tasks = [cli.start("fill", "tiny.toml", "--out", "shared", "--stage", "train", "--task", f"{i}/3", "--quiet",
                           cwd=self.folder, env=environment) for i in (1, 2, 3)]
        while any(task.poll() is None for task in tasks):
            if os.path.exists(self.path("shared/config.toml")):
                self.succeeds("status", "shared", env=environment)
        for task in tasks:
            out, error = task.communicate()
            self.assertEqual((task.returncode, out, error), (0, "", ""))
        self.succeeds("run", "tiny.toml", "--out", "shared", "--quiet", env=environment)
        self.assertEqual(results(self.path("shared")), expected)
        status = json.loads(self.succeeds("status", "shared", "--json", env=environment))
        self.assertEqual({task["state"] for task in status["tasks"]}, {"finished"})

    def test_two_runs_on_one_folder_at_once(self):
        expected = self.whole()
        for _ in range(3):
            both = [cli.start("run", "tiny.toml", "--out", "out", "--workers", 1, "--quiet", cwd=self.folder,
                              env=self.environment) for _ in range(2)]
            for process in both:
                error = process.communicate(timeout=300)[1]
                self.assertEqual(process.returncode, 0, error)
            self.succeeds("run", "tiny.toml", "--out", "out", "--quiet", env=self.environment)
            self.assertEqual(results(self.path("out")), expected)
            self.succeeds("verify", "out", "--quiet")
            shutil.rmtree(self.path("out"))

    @cli.unsanitized
    def test_few_file_descriptors(self):
        expected = self.whole()
        failed = 0
        for most in (5, 6, 7, 8, 12):
            done = self.run_here("run", "tiny.toml", "--out", "out", "--quiet", "--workers", 4, env=self.environment,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
            if done.returncode != 0:
                failed += 1
                self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
                self.assertRegex(done.stderr, r"\Aexpunge: [^\n]+: Too many open files\n\Z")
        self.assertGreater(failed, 0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(results(self.path("out")), expected)

    @cli.unsanitized
    def test_arrays_that_memory_does_not_hold(self):
        # 3 GB that are nowhere: first there is no room for the file, then for both of them and not for a copy.
        np.lib.format.open_memmap(self.path("large.npy"), mode="w+", dtype=np.float32, shape=(2, 400_000_000)).flush()
        for most, says in ((3 * GIB, "large.npy: cannot be mapped: Cannot allocate memory"),
                           (8 * GIB, "out of memory")):
            done = self.run_here("klom", *["large.npy"] * 2, "--out", "k.npy", env=self.environment,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)))
            self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", f"expunge: {says}\n"))

    @cli.unsanitized
    def test_memory_that_runs_out_while_models_are_trained(self):
        """Libraries for matrices that get no memory may end the process or wait for ever: as if it were killed."""
        arrays = lambda found: {name: digest for name, digest in found.items() if not name.endswith(".crc32")}
        expected = arrays(self.whole())
        ended = []
        for _ in range(4):
            process = cli.start("run", "tiny.toml", "--out", "out", "--workers", 2, cwd=self.folder,
                                env=self.environment)
            while process.poll() is None and not os.path.exists(self.path("out/config.toml")):
                time.sleep(0.002)
            if process.poll() is None:
                with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
                    taken = next(int(line.split()[1]) << 10 for line in file if line.startswith("VmSize"))
                resource.prlimit(process.pid, resource.RLIMIT_AS, (taken + (len(ended) << 20), resource.RLIM_INFINITY))
            try:
                error = process.communicate(timeout=8)[1]
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            ended.append(process.returncode)
            if process.returncode == 1:
                self.assertRegex(error.splitlines()[-1], r"\Aexpunge: [^\n]*(out of memory|Cannot allocate memory)\Z")
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet", env=self.environment)
        self.assertEqual(arrays(results(self.path("out"))), expected, ended)
        self.assertNotEqual(ended, [0] * 4)

    def test_stores_of_a_newer_version(self):
        self.whole()
        path = self.path("whole/full/ensemble.json")
        with open(path, encoding="utf-8") as file:
            good = file.read()
        newer = json.loads(good) | {"format_version": 2, "something": "new"}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(newer, file)
        for command in ("run", "train", "unlearn", "evaluate"):
            self.refuses(command, "tiny.toml", "--out", "whole", "--quiet", env=self.environment,
                         says=["whole/full/ensemble.json: format version 2 was written by a newer expunge; this one reads "
                               "up to 1"])
        for command in ("status", "verify"):
            said = self.run_here(command, "whole", "--quiet")
            self.assertEqual((said.returncode, said.stdout), (1, ""))
            self.assertIn("whole/full/ensemble.json: ", said.stderr)
        with open(path, "w", encoding="utf-8") as file:
            file.write(good)
        self.succeeds("run", "tiny.toml", "--out", "whole", "--quiet", env=self.environment)


if __name__ == "__main__":
    cli.main()
