"""expunge forget-set principal, against components of a dense matrix of effects by NumPy."""
import cli
import numpy as np
from forget_set_case import Case, indices_in

N, n, m, C = 40, 30, 37, 3  # models, training examples, points (S first), classes


def ensemble(dtype=np.float32, seed=0):
    """Masks, logits and labels. Some examples act on the logits of many others."""
    random = np.random.default_rng(seed)
    masks = random.random((N, n)) < 0.6
    masks[0], masks[1] = True, False  # every example varies
    labels = random.integers(0, C, m)
    effects = random.normal(0, 0.2, (n, m, C))
    effects[[2, 9, 17, 25]] += random.normal(0, 0.6, (1, m, C))
    effects[np.arange(n), np.arange(n), labels[:n]] += 3
    logits = np.einsum("in,nmc->imc", masks, effects) + random.normal(0, 0.1, (N, m, C))
    return masks, logits.astype(dtype), labels


def margins(logits, labels):
    z = logits.astype(np.float64)
    own = np.take_along_axis(z, labels[None, :, None], axis=2)[:, :, 0]
    others = z.copy()
    np.put_along_axis(others, np.broadcast_to(labels[None, :, None], (len(z), len(labels), 1)), -np.inf, axis=2)
    return own - np.log(np.exp(others).sum(axis=2))


def effects_matrix(masks, values, ratio):
    """B, formed: effect of training example i on example j's margin by plain ridge, 0 where i = j."""
    alpha = masks.mean()
    design = masks - alpha
    count = masks.shape[1]
    penalty = ratio * count * alpha * (1 - alpha)
    y = values[:, :count] - values[:, :count].mean(axis=0)
    b = np.linalg.solve(design.T @ design + penalty * np.eye(count), design.T @ y)
    np.fill_diagonal(b, 0)
    return b


def component(b, c):
    u, s, _ = np.linalg.svd(b)
    vector = u[:, c - 1]
    return vector * np.sign(vector.sum()), s


class Principal(Case):
    def setUp(self):
        super().setUp()
        self.arrays()

    def arrays(self, dtype=np.float32):
        self.masks, self.logits, self.labels = ensemble(dtype)
        self.npy("masks.npy", self.masks)
        self.npy("logits.npy", self.logits)
        self.npy("labels.npy", self.labels)
        self.margins = margins(self.logits, self.labels)
        self.npy("margins.npy", self.margins.astype(np.float32))

    from_logits = ("principal", "--masks", "masks.npy", "--logits", "logits.npy", "--labels", "labels.npy")
    from_margins = ("principal", "--masks", "masks.npy", "--margins", "margins.npy")

    def test_is_the_dense_component(self):
        b = effects_matrix(self.masks, self.margins, 0.6)
        for c in (1, 2, 4):
            vector, values = component(b, c)
            down = list(np.argsort(-vector, kind="stable"))
            for end, expected in (("top", down[:7]), ("bottom", down[::-1][:7]), ("both", down[:4] + down[::-1][:3])):
                for source in (self.from_logits, self.from_margins):
                    indices, said = self.choose(*source, "--component", c, "--end", end, "--count", 7,
                                                "--lambda-ratio", 0.6)
                    self.assertEqual(indices, expected)
            self.assertEqual((said["component"], said["subset_models"], said["lambda_chosen"]), (c, N, False))
            self.assertAlmostEqual(said["singular_value"], values[c - 1], delta=1e-4 * values[0])
            gap = min(abs(values[c - 1] - np.delete(values, c - 1)))
            self.assertAlmostEqual(said["gap"], gap, delta=0.05 * gap + 1e-5)
            self.assertLess(said["residual"], 1e-9 * values[0])
            first, second = (component(effects_matrix(self.masks[rows], self.margins[rows], 0.6), c)[0]
                             for rows in (slice(0, N // 2), slice(N // 2, N)))
            self.assertAlmostEqual(said["halves_cosine"], abs(first @ second), delta=1e-3)
        self.assertEqual(sorted(np.argsort(-component(b, 1)[0])[:4]), [2, 9, 17, 25])  # those that act together

    def test_half_precision_and_labels_of_the_training_set_alone(self):
        self.arrays(np.float16)
        self.npy("labels.npy", self.labels[:n])
        expected = list(np.argsort(-component(effects_matrix(self.masks, self.margins, 1), 1)[0])[:6])
        self.assertEqual(self.choose(*self.from_logits, "--count", 6, "--lambda-ratio", 1)[0], expected)
        self.npy("margins.npy", self.margins)  # float64
        self.assertEqual(self.choose(*self.from_margins, "--count", 6, "--lambda-ratio", 1)[0], expected)

    def test_follows_a_permutation_of_the_examples(self):
        order = np.random.default_rng(4).permutation(n)
        first, _ = self.choose(*self.from_margins, "--count", 8, "--lambda-ratio", 1)
        self.npy("masks.npy", np.ascontiguousarray(self.masks[:, order]))
        self.npy("margins.npy", np.ascontiguousarray(self.margins[:, order], np.float32))
        moved, _ = self.choose(*self.from_margins, "--count", 8, "--lambda-ratio", 1)
        self.assertEqual([order[i] for i in moved], first)

    def test_works_in_an_experiments_folder_and_chooses_the_penalty(self):
        cli.tiny_experiment(self.folder, subset=20)
        self.succeeds("train", "tiny.toml", "--out", "out", "--quiet")
        indices, said = self.choose("principal", "--experiment", "out", "--count", 8)
        self.assertTrue(said["lambda_chosen"])
        self.assertEqual((said["n"], said["subset_models"]), (80, 20))
        masks, labels = self.load("out/subset/masks.npy"), self.load("out/labels.npy")
        b = effects_matrix(masks, margins(self.load("out/subset/logits.npy"), labels), said["lambda_ratio"])
        vector, values = component(b, 1)
        if values[0] - values[1] > 0.01 * values[0]:
            self.assertEqual(indices, list(np.argsort(-vector)[:8]))
        self.assertEqual(sum(c["forgotten"] for c in said["classes"]), 8)
        self.succeeds("forget-set", "ids", "--experiment", "out", "--file", "f.txt", "--out", "g.txt")
        self.assertEqual(indices_in(self.path("g.txt"))[0], sorted(indices))

    def test_a_component_that_may_mix_is_warned_of(self):
        # Two pairs of examples that act equally on points of their own.
        random = np.random.default_rng(0)
        masks = random.random((400, 8)) < 0.5
        values = np.zeros((400, 8))
        values[:, [4, 5]] += 2.0 * masks[:, [0]]
        values[:, [6, 7]] += 2.001 * masks[:, [1]]
        self.npy("masks.npy", masks)
        self.npy("margins.npy", values.astype(np.float32))
        done = self.run_here("forget-set", *self.from_margins, "--count", 1, "--lambda-ratio", 0.001, "--out", "f.txt")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"\Aexpunge: warning: component 1: [^\n]*may mix\n\Z")

    def test_a_component_that_is_the_models_noise_is_warned_of(self):
        random = np.random.default_rng(0)
        self.npy("margins.npy", (random.normal(size=(N, 1)) + np.zeros(n)).astype(np.float32))
        done = self.run_here("forget-set", *self.from_margins, "--count", 3, "--lambda-ratio", 1, "--out", "f.txt")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"\Aexpunge: warning: component 1: halves [^\n]*cosine 0\.[^\n]*noise[^\n]*\n\Z")

    def test_refusals(self):
        options = (*self.from_margins, "--lambda-ratio", 1)
        for count in (0, n):
            self.wrong(*options, "--count", count, says=["option count", f"1 to {n - 1}"])
        for c in (0, n + 1):
            self.wrong(*options, "--count", 3, "--component", c, says=["option component", f"1 to {n}"])
        self.wrong(*options, "--count", 3, "--end", "tpo", says='did you mean "top"?')
        self.wrong(*self.from_margins, "--lambda-ratio", 0, "--count", 3, says="lambda_ratio")
        self.wrong("principal", "--count", 3, says="--experiment")
        self.wrong("principal", "--masks", "masks.npy", "--count", 3, says="one of --logits and --margins")
        self.wrong("principal", "--margins", "margins.npy", "--count", 3, "--experiment", "x", says="--masks")
        self.wrong("principal", "--masks", "masks.npy", "--logits", "logits.npy", "--count", 3, says="--labels")
        self.wrong(*options, "--count", 3, "--experiment", "x", says="got both")
        self.wrong("principal", "--experiment", "no", "--count", 3, code=1, says="no/subset")
        self.npy("margins.npy", self.margins[:, :n - 1].astype(np.float32))
        self.wrong(*options, "--count", 3, code=1, says=["margins.npy", f"at least {n} points"])
        self.npy("margins.npy", self.margins[1:].astype(np.float32))
        self.wrong(*options, "--count", 3, code=1, says=["margins", f"({N}, {n})"])
        self.margins[3, 5] = np.nan
        self.npy("margins.npy", self.margins.astype(np.float32))
        self.wrong(*options, "--count", 3, code=1, says=["margins", "NaN", "[3, 5]"])
        self.npy("margins.npy", np.ones((N, n), np.float32))
        self.wrong(*options, "--count", 3, says="within the rank")
        self.masks[:, 6] = True
        self.npy("masks.npy", self.masks)
        self.wrong(*options, "--count", 3, code=1, says=["training example 6 ", f"{N} of {N}"])

    def test_component_beyond_the_rank(self):
        # One example acts, on one other: B has a single entry but for rounding of nothing.
        masks = np.array([[(i >> j) & 1 for j in range(4)] for i in range(16)], bool)
        self.npy("masks.npy", masks)
        self.npy("margins.npy", np.where(masks[:, [0]], [[0, 1, 0, 0]], 0).astype(np.float32))
        self.assertEqual(self.choose(*self.from_margins, "--count", 1, "--lambda-ratio", 1)[0], [0])
        self.wrong(*self.from_margins, "--count", 1, "--lambda-ratio", 1, "--component", 2,
                   says=["option component", "within the rank"])


if __name__ == "__main__":
    cli.main()
