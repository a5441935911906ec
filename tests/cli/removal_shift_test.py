"""expunge removal-shift, against the Bayesian linear model solved densely in float64."""
import json
import os

import cli
import numpy as np

N, n, m, C = 24, 15, 21, 3  # models, training examples, points (S first), classes
FORGET = {"a.txt": [4], "b.txt": [0, 7, 14]}


def masks_and_logits(seed=0, dtype=np.float32):
    """Every example is left out by 3 to N - 3 models; effects on itself are large, others small."""
    random = np.random.default_rng(seed)
    masks = random.random((N, n)) < 0.7
    masks[:3], masks[3:6] = True, False
    masks[6:, 0] = True  # one that few models left out
    effects = random.normal(0, 0.3, (n, m, C))
    effects[np.arange(n), np.arange(n)] += random.normal(0, 3, (n, C))
    logits = 5 + np.einsum("in,nmc->imc", masks, effects) + random.normal(0, 0.2, (N, m, C))
    return masks, logits.astype(dtype)


def coefficients(design, y, penalty, prior, own, self_variance):
    """Effect of each training example on a point: design (models, n) is A, y (models, C) centred.
    `own` is the point's own column, or None."""
    eye = np.eye(len(design))
    if prior == "own" and own is not None:
        # A flat prior is generalised least squares, the other effects being part of the noise.
        others = np.delete(design, own, axis=1)
        a = design[:, own]
        noise = others @ others.T + penalty * eye
        t = a @ np.linalg.solve(noise, y) / (a @ np.linalg.solve(noise, a))
        rest = others.T @ np.linalg.solve(noise, y - np.outer(a, t))
        return np.insert(rest, own, t, axis=0)
    variance = np.ones(design.shape[1])
    if prior == "self" and own is not None:
        variance[own] += self_variance
    return (design * variance).T @ np.linalg.solve((design * variance) @ design.T + penalty * eye, y)


def reference(masks, logits, forget, penalty, prior="own", self_variance=0.0):
    """(m, C) predicted change of the logits of a model that saw all, if `forget` is removed."""
    design = masks - masks.mean()
    z = logits.astype(np.float64)
    shift = np.empty(z.shape[1:])
    for j in range(z.shape[1]):
        own = j if j < masks.shape[1] else None
        beta = coefficients(design, z[:, j] - z[:, j].mean(axis=0), penalty, prior, own, self_variance)
        shift[j] = -beta[forget].sum(axis=0)
    return shift


def held_out_errors(masks, logits, prior, ratios, folds=5):
    """Squared error of models predicted from those of the other folds, for each ratio."""
    alpha = masks.mean()
    design = masks - alpha
    z = logits.astype(np.float64)
    errors = np.zeros(len(ratios))
    for f in range(folds):
        held = np.arange(N * f // folds, N * (f + 1) // folds)
        rest = np.setdiff1d(np.arange(N), held)
        mean = z[rest].mean(axis=0)
        for k, ratio in enumerate(ratios):
            penalty = ratio * n * alpha * (1 - alpha)
            for j in range(m):
                beta = coefficients(design[rest], z[rest, j] - mean[j], penalty, prior,
                                    j if j < n else None, 0.03 * n)
                errors[k] += np.square(z[held, j] - mean[j] - design[held] @ beta).sum()
    return errors

OWN = ("--prior", "own")


class Case(cli.Scratch):
    def setUp(self):
        super().setUp()
        self.masks, self.logits = masks_and_logits()
        self.npy("masks.npy", self.masks)
        self.npy("logits.npy", self.logits)
        for name, indices in FORGET.items():
            self.text(name, "# forget\n" + "".join(f"{i}\n" for i in indices))

    def command(self, *options, forget=("a.txt",), masks="masks.npy", logits="logits.npy"):
        pairs = [word for k, file in enumerate(forget)
                 for word in ("--forget", file, "--out", f"shift-{k}.npy")]
        return ("removal-shift", "--masks", masks, "--logits", logits, *pairs, *options)

    def shifts(self, *options, **keywords):
        self.succeeds(*self.command(*options, **keywords))
        shifts = [self.load(f"shift-{k}.npy") for k in range(len(keywords.get("forget", "1")))]
        for shift in shifts:
            self.assertEqual(shift.dtype, np.float32)
        return shifts

    def agrees(self, got, expected):
        self.assertEqual(got.shape, expected.shape)
        np.testing.assert_allclose(got, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


class RemovalShift(Case):
    def test_each_prior_is_the_dense_solution(self):
        for prior, options, s in (("none", (), 0), ("own", (), 0), ("self", ("--self-variance", 1.7), 1.7),
                                  ("self", (), 0.03 * n)):
            with self.subTest(prior=prior, s=s):
                got = self.shifts("--prior", prior, "--lambda", 2.5, *options, forget=FORGET)
                for shift, indices in zip(got, FORGET.values()):
                    self.agrees(shift, reference(self.masks, self.logits, indices, 2.5, prior, s))
        # Else the test could not tell one from the other.
        own, none = (reference(self.masks, self.logits, [4], 2.5, p) for p in ("own", "none"))
        self.assertGreater(np.abs(own - none).max(), 0.1)

    def test_default_prior_is_local_on_few_models(self):
        default, local, own = (self.shifts("--lambda", 3, *prior)[0]
                               for prior in ((), ("--prior", "local"), OWN))
        np.testing.assert_array_equal(default, local)
        self.assertGreater(np.abs(default - own).max(), 1e-3)

    def test_own_effect_that_is_not_shrunk_survives_a_large_penalty(self):
        shift = self.shifts("--lambda", 1e7, *OWN)[0]
        self.assertGreater(np.abs(shift[4]).max(), 0.5)
        self.assertLess(np.abs(np.delete(shift, 4, axis=0)).max(), 1e-3)

    def test_lambda_ratio_is_in_units_of_n_alpha_1_minus_alpha(self):
        alpha = self.masks.mean()
        self.agrees(self.shifts("--lambda-ratio", 0.8, *OWN)[0],
                    reference(self.masks, self.logits, [4], 0.8 * n * alpha * (1 - alpha)))

    def test_lambda_is_chosen_by_error_on_held_out_models(self):
        ratios = 10 ** np.linspace(-1, 2, 13)
        for prior in ("own", "self", "none"):
            with self.subTest(prior):
                out = json.loads(self.succeeds(*self.command("--json", "--prior", prior)))
                errors = held_out_errors(self.masks, self.logits, prior, ratios)
                self.assertAlmostEqual(out["lambda_ratio"] / ratios[errors.argmin()], 1, delta=1e-9)
                self.assertTrue(out["lambda_chosen"])
                self.agrees(self.load("shift-0.npy"), reference(
                    self.masks, self.logits, [4], out["lambda"], prior, 0.03 * n))

    def test_float16_logits(self):
        masks, logits = masks_and_logits(3, np.float16)
        self.npy("masks.npy", masks)
        self.npy("logits.npy", logits)
        self.agrees(self.shifts("--lambda", 2, *OWN)[0], reference(masks, logits, [4], 2))

    def test_points_of_the_training_set_only(self):
        self.npy("logits.npy", self.logits[:, :n])
        self.agrees(self.shifts("--lambda", 2, *OWN)[0],
                    reference(self.masks, self.logits[:, :n], [4], 2))

    def test_masks_of_bytes(self):
        self.npy("bytes.npy", self.masks.astype(np.uint8))
        self.assertTrue(np.array_equal(self.shifts("--lambda", 2)[0],
                                       self.shifts("--lambda", 2, masks="bytes.npy")[0]))

    def test_many_forget_sets_at_once_are_as_each_alone(self):
        names = [self.text(f"f{k}.txt", f"{k}\n{k + 3}\n") for k in range(11)]
        for k, shift in enumerate(self.shifts("--lambda", 2, *OWN, forget=names)):
            self.agrees(shift, reference(self.masks, self.logits, [k, k + 3], 2))

    def test_number_of_workers_changes_no_bit(self):
        for workers in (1, 2):
            self.shifts("--workers", workers, forget=FORGET)
            os.replace(self.path("shift-1.npy"), self.path(f"of-{workers}.npy"))
        self.assertTrue(np.array_equal(self.load("of-1.npy"), self.load("of-2.npy")))

    def test_json_describes_the_fit_and_each_shift(self):
        out = json.loads(self.succeeds(*self.command("--json", "--lambda", 2, forget=FORGET)))
        self.assertAlmostEqual(out["alpha"], self.masks.mean(), delta=1e-12)
        self.assertEqual((out["lambda"], out["lambda_chosen"]), (2, False))
        for entry, (k, (name, indices)) in zip(out["shifts"], enumerate(FORGET.items()), strict=True):
            self.assertEqual((entry["forget"], entry["examples"], entry["out"]),
                             (name, len(indices), f"shift-{k}.npy"))
            shift = self.load(f"shift-{k}.npy").astype(np.float64)
            self.assertAlmostEqual(entry["root_mean_square"], np.sqrt(np.square(shift).mean()), delta=1e-5)

    def test_own_effect_that_no_model_identifies_is_refused_by_name(self):
        for value in (True, False):
            self.masks[:, 7] = value
            self.npy("masks.npy", self.masks)
            self.refuses(*self.command("--lambda", 2, forget=["b.txt"]),
                         says=["training example 7", f"{N if value else 0} of {N}"])
        self.agrees(self.shifts("--lambda", 2, "--prior", "none", forget=["b.txt"])[0],
                    reference(self.masks, self.logits, FORGET["b.txt"], 2, "none"))
        # Nothing is to be known of its effect where it is not removed.
        self.shifts("--lambda", 2, forget=["a.txt"])


class Factors(Case):
    def test_kept_factors_give_the_same_shift_and_are_used(self):
        fresh = self.shifts()[0]
        self.assertTrue(np.array_equal(self.shifts("--factors", "factors")[0], fresh))
        kept = cli.contents(self.path("factors"))
        self.assertTrue(np.array_equal(self.shifts("--factors", "factors")[0], fresh))
        self.assertEqual(cli.contents(self.path("factors")), kept)
        # Used, not made again: without own effects, and without the checksum of those, the shift is another one.
        self.npy("factors/own_effects.npy", np.zeros((n, C), np.float32))
        os.remove(self.path("factors/checksums/own_effects.npy.crc32"))
        changed = self.shifts("--factors", "factors")[0]
        self.assertFalse(np.array_equal(changed[:n], fresh[:n]))
        self.assertTrue(np.array_equal(changed[n:], fresh[n:]))

    def test_kept_factors_serve_any_forget_set(self):
        self.shifts("--lambda", 2, *OWN, "--factors", "factors")
        for shift, indices in zip(self.shifts("--lambda", 2, *OWN, "--factors", "factors", forget=FORGET),
                                  FORGET.values()):
            self.agrees(shift, reference(self.masks, self.logits, indices, 2))

    def test_factors_of_other_masks_logits_or_options_are_refused(self):
        self.shifts("--lambda", 2, "--factors", "factors")
        self.masks[3, 3] ^= True
        self.npy("other-masks.npy", self.masks)
        self.logits[-1, -1, -1] += 1
        self.npy("other-logits.npy", self.logits)
        for changed in ({"masks": "other-masks.npy"}, {"logits": "other-logits.npy"}):
            self.refuses(*self.command("--lambda", 2, "--factors", "factors", **changed),
                         says=["factors/factors.json", "remove the folder"])
        for options in (("--lambda", 3), ("--lambda", 2, "--prior", "none"), ("--lambda", 2, "--folds", 3)):
            self.refuses(*self.command(*options, "--factors", "factors"),
                         says=["factors/factors.json", "remove the folder", options[-2][2:]])

    def test_damaged_factors_are_refused(self):
        self.shifts("--lambda", 2, "--factors", "factors")
        good = {}
        for name in ("factors.json", "factor.npy", "own_effects.npy"):
            with open(self.path(f"factors/{name}"), "rb") as file:
                good[name] = file.read()
        for name, damaged in (("factors.json", b"{"), ("factors.json", b"[]"), ("factors.json", b""),
                              ("factors.json", good["factors.json"].replace(b'"alpha"', b'"beta"')),
                              ("factors.json", good["factors.json"].replace(b'"lambda": 2', b'"lambda": "2"')),
                              ("factor.npy", good["factor.npy"][:-1]), ("factor.npy", b""),
                              ("own_effects.npy", good["factor.npy"])):
            with open(self.path(f"factors/{name}"), "wb") as file:
                file.write(damaged)
            self.refuses(*self.command("--lambda", 2, "--factors", "factors"), says=f"factors/{name}")
            with open(self.path(f"factors/{name}"), "wb") as file:
                file.write(good[name])


def lasso_effects(masks, y, penalty, sweeps=2000):
    """Coordinate descent on |y - b - masks beta|^2 / (2 N) + penalty |beta|_1."""
    x = masks - masks.mean(axis=0)
    residual, beta = y - y.mean(), np.zeros(x.shape[1])
    squares = np.square(x).sum(axis=0)
    for _ in range(sweeps):
        for i in np.flatnonzero(squares):
            pull = x[:, i] @ residual + squares[i] * beta[i]
            new = np.sign(pull) * max(abs(pull) - penalty * len(y), 0) / squares[i]
            residual += x[:, i] * (beta[i] - new)
            beta[i] = new
    return beta


class Lasso(Case):
    options = ("--estimator", "lasso", "--lasso-lambda", 0.05, "--lasso-tolerance", 1e-6)

    def test_shift_is_minus_the_effects_of_coordinate_descent(self):
        got = self.shifts(*self.options, forget=FORGET)
        effects = np.array([[lasso_effects(self.masks, self.logits[:, j, c].astype(np.float64), 0.05)
                             for c in range(C)] for j in range(m)])
        self.assertGreater((effects == 0).sum(), n)
        for shift, indices in zip(got, FORGET.values()):
            np.testing.assert_allclose(shift, -effects[:, :, indices].sum(axis=2), rtol=0, atol=1e-4)

    def test_kept_factors_give_the_same_shift_to_the_same_question_only(self):
        fresh = self.shifts(*self.options)[0]
        keep = (*self.options, "--factors", "factors")
        np.testing.assert_array_equal(self.shifts(*keep)[0], fresh)
        np.testing.assert_array_equal(self.shifts(*keep)[0], fresh)
        other = [0.06 if option == 0.05 else option for option in keep]
        self.refuses(*self.command(*other),
                     says=["factors/lasso.json", "lasso_lambda = 0.06", "0.05"])
        self.logits[-1, -1, -1] += 1
        self.npy("other.npy", self.logits)
        self.refuses(*self.command(*keep, logits="other.npy"), says=["factors/lasso.json", "remove the folder"])
        self.text("factors/lasso.json", "{")
        self.refuses(*self.command(*keep), says="factors/lasso.json")

    def test_json_says_what_was_found(self):
        out = json.loads(self.succeeds(*self.command("--json", "--estimator", "lasso", "--lasso-choice", "shared")))
        self.assertEqual((out["estimator"], out["lambda_chosen"]), ("lasso", True))
        self.assertGreater(out["median_lambda"], 0)
        self.assertGreater(out["effects_a_target"], 0)


if __name__ == "__main__":
    cli.main()
