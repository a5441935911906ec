"""expunge klom, against KLoM written from its definition in NumPy."""
import json

import cli
import numpy as np


def reference(unlearned, oracles, convention="corrected", bins=20, clip=100.0, floor=1e-5):
    """KLoM of each point, a loop over points and bins as one would by hand. float64 but for the
    edges, which the definition has in float32."""
    result = []
    for u, o in zip(unlearned.T, oracles.T):
        u = np.clip(u, np.float32(-clip), np.float32(clip))
        o = np.clip(o, np.float32(-clip), np.float32(clip))
        low = min(u.min(), o.min())
        high = max(u.max(), o.max())
        if high == low:
            high = np.float32(low + np.float32(1))
        step = np.float32((high - low) / np.float32(bins))
        edges = [np.float32(low + np.float32(k) * step) for k in range(bins)] + [high]

        def histogram(values):
            counts = np.zeros(bins)
            for value in values:
                for k in range(bins):
                    last = k == bins - 1 and convention == "corrected" and value == high
                    if edges[k] <= value < edges[k + 1] or last:
                        counts[k] += 1
                        break
            total = counts.sum()
            return counts / total if total > 0 else counts

        p, q = histogram(u), histogram(o)
        q = np.where(p > 0, np.maximum(q, floor), q)
        positive = p > 0
        result.append(np.sum(p[positive] * np.log(p[positive] / q[positive])))
    return np.array(result)


def margins(seed, models, points, spread=3.0):
    """Margins whose centre and width differ from point to point."""
    random = np.random.default_rng(seed)
    centre = random.normal(0, 4, points)
    width = np.exp(random.normal(0, 1, points))
    return (centre + spread * width * random.normal(size=(models, points))).astype(np.float32)


class Klom(cli.Scratch):
    def klom(self, unlearned, oracles, *options):
        self.npy("u.npy", unlearned)
        self.npy("o.npy", oracles)
        self.succeeds("klom", "u.npy", "o.npy", "--out", "klom.npy", *options)
        result = self.load("klom.npy")
        self.assertEqual(result.dtype, np.float64)
        return result

    def agrees(self, got, expected, most_apart=0.0):
        """To 1e-6 but for a share of points where the rounding of an edge decides a bin."""
        self.assertEqual(got.shape, expected.shape)
        apart = np.abs(got - expected) > 1e-6
        self.assertLessEqual(apart.mean(), most_apart, f"{np.flatnonzero(apart)[:5]}: "
                             f"{got[apart][:5]} for {expected[apart][:5]}")

    def test_both_conventions_follow_the_definition(self):
        u, o = margins(1, 100, 300), margins(1, 90, 300, 3.5)
        for convention in ("corrected", "easydub"):
            with self.subTest(convention):
                got = self.klom(u, o, "--convention", convention)
                self.agrees(got, reference(u, o, convention), 0.01)
        # Else the test could not tell one from the other.
        self.assertGreater(np.abs(reference(u, o) - reference(u, o, "easydub")).max(), 1e-3)

    def test_default_convention_is_corrected(self):
        u, o = margins(2, 80, 50), margins(3, 80, 50)
        self.assertTrue(np.array_equal(self.klom(u, o), self.klom(u, o, "--convention", "corrected")))

    def test_sides_of_different_numbers_of_models_are_each_divided_by_their_own(self):
        u, o = margins(4, 7, 200), margins(4, 53, 200)
        self.agrees(self.klom(u, o), reference(u, o), 0.01)
        self.agrees(self.klom(o, u), reference(o, u), 0.01)
        self.assertGreater(np.abs(reference(u, o) - reference(o, u)).max(), 0.1)  # not symmetric

    def test_ties_and_values_on_edges_fall_where_the_definition_says(self):
        # Whole numbers over a range of 20: every one is an edge, exact in float32.
        random = np.random.default_rng(5)
        u = random.integers(0, 21, (30, 100)).astype(np.float32)
        o = random.integers(0, 21, (40, 100)).astype(np.float32)
        u[0], o[0] = 0, 20
        for convention in ("corrected", "easydub"):
            self.agrees(self.klom(u, o, "--convention", convention), reference(u, o, convention))

    def test_equal_margins(self):
        # All equal; each side equal to itself; all of the unlearned side at the pooled maximum.
        u = np.array([[2, 1, 9], [2, 1, 9], [2, 1, 9]], np.float32)
        o = np.array([[2, 5, 3], [2, 5, 4]], np.float32)
        corrected = self.klom(u, o)
        self.agrees(corrected, reference(u, o))
        np.testing.assert_allclose(corrected, [0, np.log(1e5), np.log(1e5)], atol=1e-6)
        easydub = self.klom(u, o, "--convention", "easydub")
        self.agrees(easydub, reference(u, o, "easydub"))
        self.assertEqual(easydub[2], 0)  # the flaw for which it is not the default

    def test_margins_are_clipped_at_100(self):
        u, o = margins(6, 60, 100, 60.0), margins(7, 60, 100, 60.0)
        u[0], o[1] = 3e38, -3e38
        self.assertGreater((np.abs(u) > 100).mean(), 0.05)
        got = self.klom(u, o)
        self.agrees(got, reference(u, o), 0.02)
        self.assertTrue(np.array_equal(got, self.klom(np.clip(u, -100, 100), np.clip(o, -100, 100))))
        self.assertGreater(np.abs(reference(u, o, clip=1e4) - got).max(), 1e-3)

    def test_options_change_bins_clip_and_floor_probability(self):
        u, o = margins(8, 50, 100), margins(9, 50, 100)
        got = self.klom(u, o, "--bins", 7, "--clip", 2.5, "--floor-probability", 0.01)
        self.agrees(got, reference(u, o, bins=7, clip=2.5, floor=0.01), 0.01)

    def test_number_of_workers_changes_no_bit(self):
        u, o = margins(10, 20, 3000), margins(11, 20, 3000)
        self.assertTrue(np.array_equal(self.klom(u, o, "--workers", 1), self.klom(u, o, "--workers", 2)))

    def test_json_holds_the_summary_and_the_floor(self):
        u, o, f = margins(12, 85, 120), margins(13, 90, 120), margins(14, 85, 120)
        for name, array in (("u.npy", u), ("o.npy", o), ("f.npy", f)):
            self.npy(name, array)
        done = self.run_here("klom", "u.npy", "o.npy", "--out", "k.npy", "--floor", "f.npy", "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        got = json.loads(done.stdout)
        klom, floor = self.load("k.npy"), self.klom(f, o)
        self.assertEqual((got["points"], got["unlearned_models"], got["oracles"], got["floor_models"]),
                         (120, 85, 90, 85))
        self.assertEqual(got["convention"], "corrected")
        for key, value in (("p95", np.percentile(klom, 95)), ("mean", klom.mean()),
                           ("floor_p95", np.percentile(floor, 95)), ("floor_mean", floor.mean())):
            self.assertAlmostEqual(got[key], value, delta=1e-12, msg=key)

    def test_text_says_percentile_mean_and_floor(self):
        self.npy("u.npy", margins(12, 85, 120))
        self.npy("o.npy", margins(13, 90, 120))
        out = self.succeeds("klom", "u.npy", "o.npy", "--out", "k.npy", "--floor", "u.npy")
        klom = self.load("k.npy")
        for text in ("nats", f"P95 {np.percentile(klom, 95):.4f}", f"mean {klom.mean():.4f}", "floor"):
            self.assertIn(text, out)

    def test_few_models_or_another_number_for_the_floor_are_warned_of(self):
        self.npy("u.npy", margins(1, 79, 5))
        self.npy("o.npy", margins(2, 80, 5))
        self.npy("f.npy", margins(2, 80, 5))
        done = self.run_here("klom", "u.npy", "o.npy", "--out", "k.npy", "--floor", "f.npy")
        self.assertEqual(done.returncode, 0)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 2, done.stderr)
        for line in lines:
            self.assertTrue(line.startswith("expunge: warning: "), line)
        self.assertIn("79", lines[0])


if __name__ == "__main__":
    cli.main()
