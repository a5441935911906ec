"""SubsetDatamodels in Python: equal to the command line's, options, saving, and what it refuses."""
import inspect

import numpy as np
import package
import torch

import expunge


class Datamodels(package.Scratch):
    def test_shift_is_the_command_lines_bit_for_bit(self):
        if not package.PROGRAM:
            self.skipTest("the command line was not given")
        masks, logits = package.masks_and_logits(models=60)
        for dtype in (np.float32, np.float16):
            self.npy("masks.npy", masks)
            self.npy("logits.npy", logits.astype(dtype))
            with open(self.path("forget.txt"), "w", encoding="utf-8") as file:
                file.write("2\n7\n11\n")
            for options, flags in (({}, ()), ({"prior": "adaptive", "lambda_ratio": 3.5},
                                              ("--prior", "adaptive", "--lambda-ratio", 3.5))):
                self.run_program("removal-shift", "--masks", "masks.npy", "--logits", "logits.npy", "--forget",
                                 "forget.txt", "--out", "shift.npy", *flags)
                fitted = expunge.SubsetDatamodels(**options).fit(torch.tensor(masks), torch.tensor(logits.astype(dtype)))
                shift = fitted.removal_shift([2, 7, 11])
                self.assertEqual(shift.dtype, torch.float32)
                self.assert_same(shift, np.load(self.path("shift.npy")))

    def test_shift_is_the_dense_ridges_where_no_own_effect_is(self):
        masks, logits = package.masks_and_logits()
        fitted = expunge.SubsetDatamodels(prior="none", lambda_=2.0).fit(masks, logits)
        design = masks - masks.mean()
        centred = logits.reshape(len(logits), -1).astype(np.float64)
        centred = centred - centred.mean(axis=0)
        weights = design.T @ np.linalg.solve(design @ design.T + 2 * np.eye(len(design)), centred)
        expected = -(weights[3] + weights[8]).reshape(logits.shape[1:])
        np.testing.assert_allclose(fitted.removal_shift([3, 8]).numpy(), expected, atol=1e-4)
        self.assertAlmostEqual(fitted.alpha, masks.mean())
        self.assertEqual(fitted.lambda_, 2)
        self.assertEqual(fitted.curve, [])

    def test_forget_sets_come_as_any_indices_and_many_at_once(self):
        fitted = expunge.SubsetDatamodels(lambda_ratio=1).fit(*package.masks_and_logits())
        expected = fitted.removal_shift([4, 9])
        for forget in ((4, 9), range(4, 10, 5), torch.tensor([4, 9]), np.array([4, 9]), {4: 0, 9: 0}):
            self.assertTrue(torch.equal(fitted.removal_shift(forget), expected))
        many = fitted.removal_shifts([[4, 9], torch.tensor([6])])
        self.assertEqual(many.shape, (2, 21, 3))
        self.assertTrue(torch.allclose(many[0], expected, atol=1e-5))

    def test_penalty_is_chosen_and_told(self):
        fitted = expunge.SubsetDatamodels().fit(*package.masks_and_logits())
        ratios, errors = zip(*fitted.curve)
        self.assertEqual(fitted.lambda_ratio, ratios[int(np.argmin(errors))])
        self.assertEqual(fitted.own_effects.shape, (15, 3))
        self.assertIn("fitted with lambda", repr(fitted))

    def test_what_is_saved_loads(self):
        masks, logits = package.masks_and_logits()
        fitted = expunge.SubsetDatamodels().fit(masks, logits)
        fitted.save(self.path("factors"))
        loaded = expunge.SubsetDatamodels().load(self.path("factors"), masks, logits)
        self.assertTrue(torch.equal(loaded.removal_shift([1]), fitted.removal_shift([1])))
        self.refuses(expunge.InputError, "", expunge.SubsetDatamodels().load, self.path("factors"), ~masks, logits)
        # The files of the folder end in the middle.
        with open(self.path("factors/factor.npy"), "r+b") as file:
            file.truncate(200)
        self.refuses(expunge.InputError, "factor.npy", expunge.SubsetDatamodels().load, self.path("factors"), masks, logits)

    def test_arrays_may_go_away_after_the_fit(self):
        masks, logits = package.masks_and_logits()
        expected = expunge.SubsetDatamodels(lambda_ratio=1).fit(masks, logits).removal_shift([2])
        fitted = expunge.SubsetDatamodels(lambda_ratio=1).fit(masks.copy(), logits.copy())
        rubbish = [np.full(logits.shape, 7, np.float32) for _ in range(20)]
        self.assertTrue(torch.equal(fitted.removal_shift([2]), expected))
        del rubbish

    def test_wrong_models_and_forget_sets_are_refused(self):
        masks, logits = package.masks_and_logits()
        new = expunge.SubsetDatamodels
        self.refuses(expunge.InputError, "fit() or load()", new().removal_shift, [1])
        self.refuses(expunge.InputError, "", new().fit, masks.astype(np.uint8), logits)
        self.refuses(expunge.InputError, "", new().fit, masks, logits.astype(np.float64))
        self.refuses(expunge.InputError, "", new().fit, masks[1:], logits)
        self.refuses(expunge.InputError, "", new().fit, masks, logits[:, :5])
        self.refuses(expunge.InputError, "", new().fit, masks[:0], logits[:0])
        self.refuses(expunge.InputError, "masks", new().fit, torch.ones(40, 15, device="meta"), logits)
        broken = logits.copy()
        broken[3, 4, 1] = np.inf
        self.refuses(expunge.NonFiniteError, "", lambda: new(lambda_=1.0).fit(masks, broken).removal_shift([1]))
        fitted = new(lambda_ratio=1).fit(masks, logits)
        for forget in ([], [15], [-1], [1, 1], list(range(15))):
            self.refuses(expunge.InputError, "", fitted.removal_shift, forget)
        self.refuses(expunge.OptionError, ["lambda_ration", "lambda_ratio"], new, lambda_ration=1)
        self.refuses(expunge.OptionError, "prior", new, prior="flat")
        self.refuses(expunge.OptionError, "lambda", new, lambda_=-1.0)

    def test_signature_of_the_class_names_the_options(self):
        self.assertIn("lambda_ : number", expunge.SubsetDatamodels.__doc__)
        signature = str(inspect.signature(expunge.SubsetDatamodels))
        self.assertTrue(signature.startswith("(*, prior='"), signature)
        self.assertIn("lambda_=None", signature)


if __name__ == "__main__":
    package.main()
