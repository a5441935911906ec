"""expunge ulira, against the attack written from its definition in NumPy."""
import csv
import json
import math

import cli
import numpy as np

MASK = 0xFFFFFFFF


def philox(counter, key):
    """Philox4x32-10: ten rounds of two products of 32 bits."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def permutation(count, seed, role, index):
    """The order that expunge draws from the stream of that name (Fisher and Yates)."""
    name = 0xCBF29CE484222325
    for byte in role.encode():
        name = (name ^ byte) * 0x100000001B3 % 2**64
    words = philox((index & MASK, index >> 32, name & MASK, name >> 32), (seed & MASK, seed >> 32))
    key = words[:2]
    state = {"block": 0, "words": []}

    def next64():
        if not state["words"]:
            state["words"] = philox((state["block"] & MASK, state["block"] >> 32, 0, 0), key)
            state["block"] += 1
        low, high = state["words"][:2]
        state["words"] = state["words"][2:]
        return low | high << 32

    def below(bound):
        while True:
            x = next64()
            if x >= 2**64 % bound:
                return x % bound

    order = list(range(count))
    for i in range(count - 1, 0, -1):
        j = below(i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def halves(count, seed, side):
    order = permutation(count, seed, "ulira split", side) if seed else list(range(count))
    return sorted(order[::2]), sorted(order[1::2])


def log_density(x, mean, variance):
    return -0.5 * np.log(2 * np.pi * variance) - (x - mean) ** 2 / (2 * variance)


def ratios(u, o, points, seed=0):
    """Log ratios of the attacked models of both sides, (models, examples) each."""
    u, o = (np.clip(side[:, points].astype(np.float64), -100, 100) for side in (u, o))
    (u_fitted, u_attacked), (o_fitted, o_attacked) = halves(len(u), seed, 0), halves(len(o), seed, 1)
    mean = [u[u_fitted].mean(axis=0), o[o_fitted].mean(axis=0)]
    variance = [u[u_fitted].var(axis=0, ddof=1), o[o_fitted].var(axis=0, ddof=1)]
    together = (variance[0] + variance[1]) / 2 + (mean[0] - mean[1]) ** 2 / 4
    variance = [np.maximum(v, 1e-6 * together) for v in variance]
    return [log_density(side, mean[0], variance[0]) - log_density(side, mean[1], variance[1])
            for side in (u[u_attacked], o[o_attacked])]


def true_positives(u, o, limit):
    """The most unlearned decisions that a threshold finds at no more than `limit` false ones."""
    u, o = np.sort(u.ravel()), np.sort(o.ravel())
    thresholds = np.unique(np.concatenate([u, o]))
    false = 1 - np.searchsorted(o, thresholds) / o.size
    true = 1 - np.searchsorted(u, thresholds) / u.size
    return max([0.0, *true[false <= limit + 1e-12]])


def reference(u, o, points, seed=0):
    u, o = ratios(u, o, points, seed)
    right = [np.where(u == 0, 0.5, u > 0), np.where(o == 0, 0.5, o < 0)]
    p = (right[0].mean() + right[1].mean()) / 2
    variance = sum(side.mean(axis=1).var(ddof=1) / len(side) for side in right) / 4
    n = 4 / (1 / right[0].size + 1 / right[1].size)
    z = 1.959963984540054
    reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    pairs = u.ravel()[:, None] - o.ravel()[None]
    return {"examples": len(points), "decisions": u.size + o.size, "accuracy": p,
            "accuracy_low": (p + z * z / (2 * n) - reach) / (1 + z * z / n),
            "accuracy_high": (p + z * z / (2 * n) + reach) / (1 + z * z / n),
            "standard_error": math.sqrt(variance),
            "auc": (pairs > 0).mean() + (pairs == 0).mean() / 2,
            "tpr_at_1_percent": true_positives(u, o, 0.01),
            "tpr_at_01_percent": true_positives(u, o, 0.001),
            "of_point": (right[0].mean(axis=0) + right[1].mean(axis=0)) / 2}


def margins(seed, models, points=60, shift=0.0):
    """Margins whose centre and width differ from point to point, and from model to model a little."""
    random = np.random.default_rng(seed)
    centre, width = np.linspace(-4, 6, points), np.linspace(0.3, 3, points)
    model = 0.5 * random.normal(size=(models, 1))
    return (centre + width * (shift + model + random.normal(size=(models, points)))).astype(np.float32)


class Ulira(cli.Scratch):
    def ulira(self, *options):
        """JSON of a run over u.npy and o.npy."""
        return json.loads(self.succeeds("ulira", "u.npy", "o.npy", "--json", *options))

    def agrees(self, got, expected, prefix=""):
        for key, value in expected.items():
            if key != "of_point" and prefix + key in got:
                self.assertAlmostEqual(got[prefix + key], value, delta=1e-9, msg=prefix + key)
        for key in ("accuracy", "accuracy_low", "accuracy_high", "standard_error", "auc", "tpr_at_1_percent",
                    "tpr_at_01_percent", "decisions"):
            self.assertIn(prefix + key, got)

    def test_figures_are_those_of_the_definition_for_the_split_of_any_seed(self):
        u, o, c = margins(1, 31, shift=0.6), margins(2, 40), margins(3, 26)
        for name, array in (("u.npy", u), ("o.npy", o), ("c.npy", c)):
            self.npy(name, array)
        points = [59, 3, 17, 0, 30]
        self.text("points.txt", "".join(f"{p}\n" for p in points))
        accuracies = set()
        for seed in (0, 1, 5_000_000_000):
            with self.subTest(seed):
                got = self.ulira("--points", "points.txt", "--control", "c.npy", "--seed", seed, "--out", "a.npy")
                expected = reference(u, o, points, seed)
                self.agrees(got, expected)
                self.agrees(got, reference(c, o, points, seed), "control_")
                np.testing.assert_allclose(self.load("a.npy"), expected["of_point"], atol=1e-12)
                self.assertEqual([got[key] for key in ("examples", "unlearned_models", "oracles", "control_models",
                                                       "attacked_unlearned_models", "attacked_oracles", "seed")],
                                 [5, 31, 40, 26, 15, 20, seed])
                accuracies.add(got["accuracy"])
        self.assertEqual(len(accuracies), 3)

    def test_without_points_all_are_attacked_and_a_file_may_hold_all(self):
        u, o = margins(4, 20, shift=1), margins(5, 20)
        self.npy("u.npy", u)
        self.npy("o.npy", o)
        self.text("points.txt", "".join(f"{p}\n" for p in range(60)))
        got = self.ulira("--out", "a.npy")
        self.agrees(got, reference(u, o, range(60)))
        self.assertEqual(got, self.ulira("--points", "points.txt"))
        self.assertEqual((self.load("a.npy").shape, self.load("a.npy").dtype), ((60,), np.float64))

    def test_margins_that_are_equal_or_beyond_100(self):
        u, o = margins(6, 20), margins(7, 20)
        u[:, 0] = o[:, 0] = 2.5
        u[:, 1] = 7
        o[:, 2] = -3e38
        u[::2, 3] = 150
        self.npy("u.npy", u)
        self.npy("o.npy", o)
        got = self.ulira("--out", "a.npy")
        expected = reference(u, o, range(1, 60))["of_point"]
        np.testing.assert_allclose(self.load("a.npy")[1:], expected, atol=1e-12)
        self.assertEqual(self.load("a.npy")[0], 0.5)
        self.assertTrue(all(math.isfinite(value) for value in got.values()))

    def test_roc_is_a_thinned_curve_of_the_ratio(self):
        u, o = margins(8, 120, shift=0.7), margins(9, 100)
        self.npy("u.npy", u)
        self.npy("o.npy", o)
        got = self.ulira("--roc", "roc.csv")
        with open(self.path("roc.csv"), newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        self.assertEqual(rows[0], ["false_positive_rate", "true_positive_rate"])
        roc = np.array(rows[1:], float)
        self.assertLessEqual(len(roc), 200)
        self.assertEqual((roc[0].tolist(), roc[-1].tolist()), ([0, 0], [1, 1]))
        self.assertTrue((np.diff(roc, axis=0) >= 0).all())
        scores = ratios(u, o, range(60))
        for false, true in roc[1:]:
            # More true positives at no more false ones there cannot be but by a tie.
            self.assertAlmostEqual(true_positives(*scores, false), true, delta=1e-9)
        self.assertAlmostEqual(np.trapezoid(roc[:, 1], roc[:, 0]) if hasattr(np, "trapezoid")
                               else np.trapz(roc[:, 1], roc[:, 0]), got["auc"], delta=2e-3)
        self.assertGreater(((roc[:, 0] > 0) & (roc[:, 0] < 0.01)).sum(), 20)

    def test_number_of_workers_changes_nothing(self):
        self.npy("u.npy", margins(10, 12, 2000, 0.5))
        self.npy("o.npy", margins(11, 14, 2000))
        self.assertEqual(self.ulira("--workers", 1), self.ulira("--workers", 2))

    def test_text_says_what_the_json_does(self):
        self.npy("u.npy", margins(12, 100, 200, 0.5))
        self.npy("o.npy", margins(13, 100, 200))
        done = self.run_here("ulira", "u.npy", "o.npy", "--control", "o.npy")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        got = self.ulira("--control", "o.npy")
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 2)
        for line, prefix in zip(lines, ("", "control_")):
            for text in (f"accuracy {100 * got[prefix + 'accuracy']:.2f}%",
                         f"{100 * got[prefix + 'accuracy_low']:.2f}% to {100 * got[prefix + 'accuracy_high']:.2f}%",
                         f"standard error over models {100 * got[prefix + 'standard_error']:.2f}%",
                         f"AUC {got[prefix + 'auc']:.4f}", f"{100 * got[prefix + 'tpr_at_1_percent']:.2f}% at 1%",
                         f"{100 * got[prefix + 'tpr_at_01_percent']:.2f}% at 0.1%"):
                self.assertIn(text, line)
        self.assertIn("200 examples, 50 unlearned models and 50 oracles attacked", lines[0])
        self.assertIn("control", lines[1])

    def test_few_examples_or_models_are_warned_of(self):
        for u, o, c in ((100, 100, 99), (99, 100, 100), (100, 99, 100)):
            for name, models in (("u.npy", u), ("o.npy", o), ("c.npy", c)):
                self.npy(name, margins(14, models, 200))
            done = self.run_here("ulira", "u.npy", "o.npy", "--control", "c.npy")
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stderr, r"\Aexpunge: warning: [^\n]*99[^\n]*\n\Z")
        self.text("points.txt", "".join(f"{p}\n" for p in range(199)))
        for name in ("u.npy", "o.npy"):
            self.npy(name, margins(15, 100, 200))
        done = self.run_here("ulira", "u.npy", "o.npy", "--points", "points.txt")
        self.assertRegex(done.stderr, r"\Aexpunge: warning: [^\n]*199[^\n]*\n\Z")


class BadInput(cli.Scratch):
    def setUp(self):
        super().setUp()
        for name in ("u.npy", "o.npy", "c.npy"):
            self.npy(name, margins(16, 5, 10))
        self.text("points.txt", "1\n7\n")
        self.command = ("ulira", "u.npy", "o.npy", "--control", "c.npy", "--points", "points.txt", "--roc", "r.csv",
                        "--out", "a.npy")

    def refuses_each(self, name, cases):
        with open(self.path(name), "rb") as file:
            good = file.read()
        for bad, says in cases:
            with self.subTest(file=name, says=says):
                if isinstance(bad, bytes):
                    with open(self.path(name), "wb") as file:
                        file.write(bad)
                else:
                    self.npy(name, bad)
                self.refuses(*self.command, says=says)
        with open(self.path(name), "wb") as file:
            file.write(good)

    def test_the_good_ones_are_accepted(self):
        self.succeeds(*self.command)

    def test_margins_that_are_none(self):
        good = margins(16, 5, 10)
        with open(self.path("u.npy"), "rb") as file:
            whole = file.read()
        nan, infinite = good.copy(), good.copy()
        nan[2, 7], infinite[3, 1] = np.nan, -np.inf
        for name, side in (("u.npy", "unlearned"), ("o.npy", "oracle"), ("c.npy", "c.npy")):
            self.refuses_each(name, [
                (whole[:-1], [name, "bytes required"]), (whole[:40], [name, "header"]),
                (b"", [name, "npy file required"]), (good.astype(np.float64), [name, "float32", "Double"]),
                (good[0], [name, "(10)"]), (good[:, :0], [name, "at least one point"]),
                (good[:3], [side, "at least 4 models", "3"]), (good[:0], [side, "at least 4 models", "0"]),
                (nan, [side, "model 2", "point 7", "nan"]), (infinite, [side, "model 3", "point 1", "-inf"])])
            if name != "u.npy":  # of which --points is read
                self.refuses_each(name, [(good[:, :9], ["5, 10", "5, 9"])])

    def test_points_that_are_none(self):
        self.refuses_each("points.txt", [
            (b"1\n10\n", ["points.txt:2", "0 to 9", "10"]), (b"-1\n", ["points.txt:1", "0 to 9", "-1"]),
            (b"4\n\n4\n", ["points.txt:3", "index 4", "twice"]), (b"five\n", ["points.txt:1", "whole number"]),
            (b"# none\n", ["points.txt", "at least one"]), (bytes(range(256)), ["points.txt:1", "whole number"])])

    def test_files_that_are_not_there(self):
        for place in (1, 2, 4, 6):
            command = list(self.command)
            command[place] = "missing"
            self.refuses(*command, says=["missing", "No such file"])
        self.refuses(*self.command[:-1], "nowhere/a.npy", says=["nowhere/a.npy", "folder"])

    def test_usage(self):
        for says, *arguments in (("oracles", "ulira", "u.npy"), ("seed", *self.command, "--seed", "-1"),
                                 ("seed", *self.command, "--seed", "x"), ("--out", *self.command[:-1], "r.csv"),
                                 ("--point", *self.command, "--pointz", "p")):
            self.refuses(*arguments, code=2, says=says)


if __name__ == "__main__":
    cli.main()
