"""kill -9 at random moments over a stream of requests and processings: the ledger stays sound, no request is lost or
processed twice, and the models are those of a desk that was let be.

The moments are shares, drawn from one seed, of what a command takes on this machine. A processing is between its two
transactions for a few hundredths of a second only, so that every other one is killed as soon as it is seen there."""
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import time

import cli

KILLS = int(os.environ.get("EXPUNGE_KILLS", "40"))  # EXPUNGE_KILLS=100 takes minutes
SEED = 20260131
REQUESTS = 12


class Kill(cli.Scratch):
    def init(self):
        cli.tiny_experiment(self.folder, epochs=2, subset=20, full=20)
        self.succeeds("desk", "init", "fresh", "--config", "tiny.toml", "--resamples", 20, "--oracles", 20, "--budget",
                      500, "--hard-limit", 1000, "--quiet")

    def requests(self):
        """Some overlap, so that a version removes less than was asked, or there is none."""
        chosen = random.Random(SEED + 1)
        return [sorted(chosen.sample(range(30), chosen.choice((1, 2, 4)))) for _ in range(REQUESTS)]

    def status(self, desk):
        return json.loads(self.succeeds("desk", "status", desk, "--json"))

    def steps(self, desk):
        """Commands of the stream: each is given again until it has ended by itself. A receipt makes a request that
        was recorded just before its process was killed the same one."""
        for number, examples in enumerate(self.requests()):
            ids = ",".join(map(str, examples))
            yield ("desk", "request", desk, "--ids", ids, "--receipt", f"stream-receipt-{number}")
            if number % 3 == 2:
                yield ("desk", "process", desk, "--quiet")
        yield ("desk", "process", desk, "--quiet")

    def outcome(self, desk):
        """What must not depend on interruptions. Asking for what has gone already is refused: such a request is not
        there, in either desk."""
        status = self.status(desk)
        return ([(r["receipt"], r["state"], r["version"], r["examples"]) for r in status["requests"]],
                [(v["version"], v["removed"], v["model_sha256"], v.get("predicted_klom"))
                 for v in status["versions"]])

    def run_through(self, desk, killed, between=lambda: None):
        for step in self.steps(desk):
            while True:
                between()
                process = cli.start(*step, cwd=self.folder)
                moment = killed(step)
                if moment is not None:
                    if moment < 0:
                        self.wait_for_processing(desk, process, -moment)
                    else:
                        time.sleep(moment)
                    process.send_signal(signal.SIGKILL)
                _, error = process.communicate()
                if process.returncode == -signal.SIGKILL:
                    continue
                # A request that was begun anew after an earlier version had taken its examples.
                if process.returncode == 1 and step[1] == "request":
                    self.assertIn("was removed in version", error)
                else:
                    self.assertEqual(process.returncode, 0, error)
                break

    def test_killed_at_any_moment_the_stream_ends_the_same(self):
        self.init()
        shutil.copytree(self.path("fresh"), self.path("whole"))
        took = {}

        def timed(step):
            took.setdefault(step[1], []).append(time.monotonic())
            return None

        begin = time.monotonic()
        self.run_through("whole", timed)
        whole = time.monotonic() - begin
        # Mostly what processings take: a request is a small part of it.
        length = {"process": 3 * whole / (REQUESTS + 5), "request": whole / (REQUESTS + 5)}
        expected = self.outcome("whole")
        self.assertIn("sound: ", self.succeeds("desk", "verify", "whole"))
        self.assertGreater(len(expected[1]), 6)

        moments = random.Random(SEED)
        kills, rounds, seen = 0, 0, set()
        # Few kills hit what lasts hundredths of a second: more of them follow until one has.
        enough = lambda: kills >= KILLS and ("processing" in seen or rounds >= 12)
        while not enough():
            shutil.rmtree(self.path("out"), ignore_errors=True)
            shutil.copytree(self.path("fresh"), self.path("out"))
            rounds += 1
            in_a_row = 0

            def killed(step):
                nonlocal kills, in_a_row
                # Never for ever: after a few kills a step is let be.
                if enough() or in_a_row >= 6:
                    in_a_row = 0
                    return None
                in_a_row += 1
                kills += 1
                share = moments.random()
                # Below 0: so many seconds after it is seen to be processing.
                if step[1] == "process" and kills % 2 == 0:
                    return -0.02 * share - 1e-6
                return share * length[step[1]]

            self.run_through("out", killed, lambda: self.check_between("out", seen))
            self.assertEqual(self.outcome("out"), expected, f"after {kills} kills")
            self.assertIn("sound: ", self.succeeds("desk", "verify", "out"))
        print(f"{kills} kills in {rounds} rounds; states seen between: {', '.join(sorted(seen))}")
        self.assertIn("processing", seen)

    def query(self, desk, sql):
        address = f"file:{self.path(desk)}/ledger.sqlite?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=30)) as ledger:
            return ledger.execute(sql).fetchall()

    def wait_for_processing(self, desk, process, seconds):
        while process.poll() is None:
            if self.query(desk, "SELECT 1 FROM requests WHERE state = 'processing'"):
                time.sleep(seconds)
                return

    def check_between(self, desk, seen):
        """Between two kills every request is in one state, and at most one is being processed."""
        states = [state for (state,) in self.query(desk, "SELECT state FROM requests")]
        seen.update(states)
        if self.query(desk, "SELECT version FROM versions WHERE erased IS NULL"):
            seen.add("erasure outstanding")
        self.assertLessEqual(states.count("processing"), 1)
        self.assertLessEqual(set(states), {"pending", "processing", "processed", "withdrawn"})


if __name__ == "__main__":
    cli.main()
