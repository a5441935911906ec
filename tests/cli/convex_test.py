"""expunge convex, against least squares, Newton's method and gradient descent written out in NumPy."""
import csv
import json

import cli
import numpy as np


def ridge(x, y, lam, weights=None):
    """Coefficients (d + 1, k), intercept last and free: by least squares on rows for the penalty."""
    d = x.shape[1]
    root = np.ones(len(x)) if weights is None else np.sqrt(weights)
    rows = np.hstack([x, np.ones((len(x), 1))]) * root[:, None]
    penalty = np.hstack([np.sqrt(lam) * np.eye(d), np.zeros((d, 1))])
    a = np.vstack([rows, penalty])
    b = np.vstack([y * root[:, None], np.zeros((d, y.shape[1]))])
    return np.linalg.lstsq(a, b, rcond=None)[0]


def logistic(x, labels, lam):
    """Two classes, by Newton's method with a dense Hessian."""
    z = np.hstack([x, np.ones((len(x), 1))])
    penalty = np.append(np.full(x.shape[1], lam), 0)
    theta = np.zeros(z.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-z @ theta))
        gradient = z.T @ (p - labels) + penalty * theta
        theta -= np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z + np.diag(penalty), gradient)
    return theta


QUICK = ("--steps", 200, "--sgd-steps", 500, "--runs", 4, "--quiet")


class Convex(cli.Scratch):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(0)
        self.x = random.normal(size=(80, 4)) @ np.diag([1, 0.7, 0.4, 0.2]) + 1
        self.y = self.x @ random.normal(size=(4, 2)) + random.normal(size=(80, 2))
        self.forget = [3, 17, 41]
        self.keep = np.setdiff1d(np.arange(80), self.forget)
        self.npy("x.npy", self.x)
        self.npy("y.npy", self.y)
        self.text("f.txt", "".join(f"{i}\n" for i in self.forget))
        lines = ["a,b,c,d,target"] + [",".join(map(repr, [*map(float, row), float(t)]))
                                      for row, t in zip(self.x, self.y[:, 0])]
        self.text("t.csv", "\n".join(lines) + "\n")

    def convex(self, *arguments):
        return json.loads(self.succeeds("convex", *arguments, "--forget", "f.txt", "--out", "out", "--json", *QUICK))

    def weights(self, name="unlearned"):
        return np.vstack([self.load(f"out/{name}-weights.npy"), self.load(f"out/{name}-intercept.npy")[None]])

    def curves(self):
        with open(self.path("out/curves.csv"), encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_weights_are_those_of_retraining(self):
        self.npy("w.npy", np.linspace(0.1, 2, 80))
        weights = np.linspace(0.1, 2, 80)
        for arguments, w in (((), None), (("--weights", "w.npy"), weights)):
            got = self.convex("x.npy", "--targets", "y.npy", "--lambda", 0.5, "--standardise", "none", *arguments)
            part = None if w is None else w[self.keep]
            np.testing.assert_allclose(self.weights(), ridge(self.x[self.keep], self.y[self.keep], 0.5, part), rtol=1e-9)
            np.testing.assert_allclose(self.weights("full"), ridge(self.x, self.y, 0.5, w), rtol=1e-9)
            self.assertLess(got["relative_error"], 1e-10)
        self.assertEqual([got["n"], got["features"], got["outputs"], got["forgotten"]], [80, 4, 2, 3])

    def test_standardised_again_as_retraining_would(self):
        self.convex("x.npy", "--targets", "y.npy", "--standardise", "again", "--lambda", 2)
        x, y = self.x[self.keep], self.y[self.keep]
        theta = ridge((x - x.mean(0)) / x.std(0), y, 2)
        theta[:4] /= x.std(0)[:, None]
        theta[4] -= x.mean(0) @ theta[:4]
        np.testing.assert_allclose(self.weights(), theta, rtol=1e-9)

    def test_descent_is_that_of_numpy(self):
        self.convex("x.npy", "--targets", "y.npy", "--standardise", "none", "--lambda", 1)
        z = np.hstack([self.x, np.ones((80, 1))])
        full, goal = self.weights("full"), self.weights()
        r = self.keep
        hessian = (z[r].T @ z[r] + np.diag([1, 1, 1, 1, 0])) / len(r)
        step = 1 / np.linalg.eigvalsh(hessian)[-1]
        theta = full.copy()
        distances = [1.0]
        for _ in range(200):
            gradient = (z[r].T @ (z[r] @ theta - self.y[r]) + np.diag([1, 1, 1, 1, 0]) @ theta) / len(r)
            theta = theta - step * gradient
            distances.append(np.linalg.norm(theta - goal) / np.linalg.norm(full - goal))
        for row in self.curves():
            if row["method"] == "retain loss, descent":
                self.assertAlmostEqual(float(row["distance"]) / distances[int(row["step"])], 1, places=6)
                self.assertAlmostEqual(float(row["predicted"]) / distances[int(row["step"])], 1, places=6)

    def test_csv_and_every_file(self):
        got = self.convex("t.csv", "--standardise", "none")
        np.testing.assert_allclose(self.weights(), ridge(self.x[self.keep], self.y[self.keep, :1], 1), rtol=1e-9)
        self.assertEqual({m["name"] for m in got["methods"]},
                         {"retain loss, descent", "ascent-descent", "retain loss, SGD", "matching, descent",
                          "matching, SGD"})
        for name in ("report.html", "convex.svg", "rates.csv", "closed-forms.csv", "noise-ball.csv"):
            with open(self.path(f"out/{name}"), encoding="utf-8") as file:
                self.assertGreater(len(file.read()), 100, name)
        with open(self.path("out/report.html"), encoding="utf-8") as file:
            page = file.read()
        self.assertIn("expunge convex t.csv --forget f.txt", page)
        self.assertIn("--sgd-steps 500", page)
        self.assertNotIn("--lambda", page)
        self.assertNotRegex(page, r"(?i)\bnan\b")
        text = self.succeeds("convex", "t.csv", "--forget", "f.txt", "--out", "out", *QUICK)
        self.assertRegex(text, r"Removing 3 examples by refactor gives the retrained model")
        self.assertRegex(text, r"Report: out/report.html\n$")

    def test_settings_by_file_and_flags(self):
        self.text("s.toml", "[convex]\nlambda = 3.0\nstandardise = \"none\"\n[iterations]\nbatch = 2\n")
        got = self.convex("--lambda", 0.25, "x.npy", "--targets", "y.npy", "--config", "s.toml")
        self.assertEqual({m["batch"] for m in got["methods"]}, {0, 2})
        np.testing.assert_allclose(self.weights(), ridge(self.x[self.keep], self.y[self.keep], 0.25), rtol=1e-9)
        self.text("s.toml", "[convex]\nlamda = 3.0\n")
        self.refuses("convex", "t.csv", "--forget", "f.txt", "--config", "s.toml", code=2, says=["s.toml:2", "lambda"])
        self.text("s.toml", "[ridge]\nlambda = 3.0\n")
        self.refuses("convex", "t.csv", "--forget", "f.txt", "--config", "s.toml", code=2, says=["s.toml:1", "iterations"])

    def test_classes(self):
        labels = (self.y[:, 0] > np.median(self.y[:, 0])).astype(int)
        self.npy("l.npy", labels)
        self.convex("x.npy", "--targets", "l.npy", "--model", "logistic", "--standardise", "none", "--lambda", 0.5)
        np.testing.assert_allclose(self.weights()[:, 0], logistic(self.x[self.keep], labels[self.keep], 0.5), rtol=1e-7)
        np.testing.assert_allclose(self.weights("full")[:, 0], logistic(self.x, labels, 0.5), rtol=1e-7)
        lines = ["kind,a,b,c,d"] + [",".join([("no", "yes")[t], *map(repr, map(float, row))])
                                    for row, t in zip(self.x, labels)]
        self.text("words.csv", "\n".join(lines))
        got = self.convex("words.csv", "--column", "kind", "--standardise", "none")
        indicator = np.eye(2)[labels]
        np.testing.assert_allclose(self.weights(), ridge(self.x[self.keep], indicator[self.keep], 1), rtol=1e-9, atol=1e-12)
        self.assertEqual(got["outputs"], 2)
        first = self.convex("words.csv", "--column", "kind", "--rows", 50)
        self.assertEqual(first["n"], 50)

    def test_workers_change_nothing(self):
        self.convex("x.npy", "--targets", "y.npy", "--workers", 1)
        one = cli.contents(self.folder)
        self.convex("x.npy", "--targets", "y.npy", "--workers", 3)
        three = cli.contents(self.folder)
        for name in ("curves.csv", "noise-ball.csv", "unlearned-weights.npy"):
            self.assertEqual(one[f"out/{name}"], three[f"out/{name}"], name)

    def test_refusals(self):
        def refuses(*arguments, **keywords):
            self.refuses("convex", *arguments, "--forget", "f.txt", **keywords)
        refuses("none.csv", says="none.csv")
        refuses("x.npy", code=2, says="--targets")
        refuses("t.csv", "--targets", "y.npy", code=2, says="--targets")
        refuses("t.csv", "--column", "none", says="column none")
        refuses("x.npy", "--targets", "y.npy", "--column", "a", code=2, says="--column")
        refuses("t.csv", "--model", "logistic", says="classes required")
        refuses("t.csv", "--lambda", "0", code=2, says="lambda")
        refuses("t.csv", "--lambda", "x", code=2, says="lambda")
        refuses("t.csv", "--sgd-step", "3", code=2, says="sgd_step")
        refuses("t.csv", "--rows", "81", says="81 examples")
        refuses("t.csv", "--task", "guess", code=2, says="task")
        refuses("t.csv", "--out", "f.txt", says="a folder")
        self.npy("short.npy", self.y[:79])
        refuses("x.npy", "--targets", "short.npy", says="short.npy")
        self.npy("bad.npy", np.where(np.arange(80)[:, None] == 9, np.nan, self.x))
        refuses("bad.npy", "--targets", "y.npy", says=["bad.npy", "example 9"])
        self.npy("neg.npy", -np.ones(80))
        refuses("x.npy", "--targets", "y.npy", "--weights", "neg.npy", says="weights")
        self.text("f.txt", "80\n")
        refuses("t.csv", says=["f.txt:1", "80"])
        self.text("f.txt", "".join(f"{i}\n" for i in range(80)))
        refuses("t.csv", says="at least one must be retained")


if __name__ == "__main__":
    cli.main()
