"""expunge certified: the account over several runs, its refusals, and what is published, against NumPy."""
import json
import os

import cli
import numpy as np


def rows(x):
    """Features and a constant, brought to length 1 where they are longer."""
    z = np.hstack([x, np.ones((len(x), 1))])
    return z / np.maximum(1, np.linalg.norm(z, axis=1, keepdims=True))


def gradient(x, labels, theta, lam):
    z = rows(x)
    return z.T @ (1 / (1 + np.exp(-z @ theta)) - labels) + lam * theta


class Certified(cli.Scratch):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(1)
        self.x = random.normal(size=(120, 3))
        self.labels = (self.x @ random.normal(size=3) + random.normal(size=120) > 0).astype(int)
        self.npy("x.npy", self.x)
        self.npy("l.npy", self.labels)
        self.table = ("x.npy", "--targets", "l.npy")
        self.model = ("--model", "m.safetensors")
        for i in range(40):
            self.text(f"f{i}.txt", f"{i}\n")

    def train(self, *options):
        return json.loads(self.succeeds("certified", "train", *self.table, *self.model, "--seed", 9, "--json", *options))

    def remove(self, i, *options):
        return json.loads(self.succeeds("certified", "remove", *self.table, *self.model, "--forget", f"f{i}.txt",
                                        "--json", *options))

    def test_account_goes_on_until_it_is_spent(self):
        begun = self.train("--lambda", 1, "--sigma", 0.04, "--publish", "p.npy")
        self.assertLess(begun["spent"], begun["budget"])
        theta = self.load("p.npy")[:, 0]
        noise = -gradient(self.x, self.labels, theta, 1)  # what the trained model does not minimise
        self.assertGreater(np.linalg.norm(noise), 0.004)
        spent, kept, refused = begun["spent"], np.ones(120, bool), None
        for i in range(40):
            before = cli.contents(self.folder)["m.safetensors"]
            done = self.run_here("certified", "remove", *self.table, *self.model, "--forget", f"f{i}.txt", "--json",
                                 "--publish", "p.npy")
            if done.returncode != 0:
                refused = done
                self.assertEqual(cli.contents(self.folder)["m.safetensors"], before)
                break
            got = json.loads(done.stdout)
            kept[i] = False
            theta = self.load("p.npy")[:, 0]
            residual = gradient(self.x[kept], self.labels[kept], theta, 1) + noise
            self.assertLessEqual(np.linalg.norm(residual), got["spent"])
            self.assertAlmostEqual(got["spent"], spent + got["data_dependent"], places=12)
            spent = got["spent"]
            self.assertEqual(got["removed"], i + 1)
        self.assertIsNotNone(refused)
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"\Aexpunge: certified removal: [^\n]*train again[^\n]*\n\Z")
        status = json.loads(self.succeeds("certified", "status", *self.model, "--json"))
        self.assertAlmostEqual(status["spent"], spent, places=12)
        self.assertIn("removed in", self.succeeds("certified", "status", *self.model))

    def test_removals_at_once_are_all_in_the_account(self):
        self.train("--lambda", 5, "--sigma", 10)
        started = [cli.start("certified", "remove", *self.table, *self.model, "--forget", f"f{i}.txt", cwd=self.folder)
                   for i in range(5)]
        for process in started:
            process.communicate()
            self.assertEqual(process.returncode, 0)
        status = json.loads(self.succeeds("certified", "status", *self.model, "--json"))
        self.assertEqual([status["removed"], status["removals"]], [5, 5])

    def test_descent_publishes_with_noise(self):
        self.train("--method", "descent", "--lambda", 2, "--sigma", 0.05, "--publish", "p.npy")
        got = self.remove(3, "--publish", "q.npy")
        self.assertGreaterEqual(got["steps"], 1)
        self.assertGreater(np.abs(self.load("p.npy") - self.load("q.npy")).max(), 1e-3)

    def test_refusals(self):
        self.refuses("certified", code=2, says="a kind required")
        self.refuses("certified", "train", *self.table, *self.model, code=2, says="--seed")
        self.refuses("certified", "train", *self.table, *self.model, "--seed", 1, "--epsilon", 0, code=2, says="epsilon")
        self.refuses("certified", "train", *self.table, *self.model, "--seed", 1, "--epsilon", 3, "--accounting",
                     "classic", code=2, says="epsilon")
        self.npy("y.npy", self.x[:, 0])
        self.refuses("certified", "train", "x.npy", "--targets", "y.npy", *self.model, "--seed", 1, says="labels")
        self.train()
        self.refuses("certified", "train", *self.table, *self.model, "--seed", 1, says="not overwritten")
        self.remove(3)
        self.refuses("certified", "remove", *self.table, *self.model, "--forget", "f3.txt", says="removed before")
        self.npy("other.npy", self.x + 1)
        self.refuses("certified", "remove", "other.npy", "--targets", "l.npy", *self.model, "--forget", "f4.txt",
                     says="another")
        with open(self.path("m.safetensors"), "r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
        self.refuses("certified", "remove", *self.table, *self.model, "--forget", "f4.txt", says="m.safetensors")
        self.refuses("certified", "status", "--model", "x.npy", says="x.npy")
        self.refuses("certified", "status", "--model", "none", says="none")


if __name__ == "__main__":
    cli.main()
