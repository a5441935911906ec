"""expunge margins, against logsumexp in float64."""
import json

import cli
import numpy as np


def reference(logits, labels):
    """z_y - logsumexp of the other classes', (N, m) float64."""
    z = logits.astype(np.float64)
    models, points, classes = z.shape
    result = np.empty((models, points))
    for j, y in enumerate(labels):
        others = np.delete(z[:, j], y, axis=1)
        largest = others.max(axis=1, keepdims=True)
        result[:, j] = z[:, j, y] - largest[:, 0] - np.log(np.exp(others - largest).sum(axis=1))
    return result


class Margins(cli.Scratch):
    def margins(self, logits, labels, *options):
        self.npy("logits.npy", logits)
        self.npy("labels.npy", labels)
        self.succeeds("margins", "logits.npy", "labels.npy", "--out", "m.npy", *options)
        result = self.load("m.npy")
        self.assertEqual(result.dtype, np.float32)
        return result

    def test_float32_and_float16_logits(self):
        random = np.random.default_rng(0)
        labels = random.integers(0, 10, 70)
        for dtype in (np.float32, np.float16):
            with self.subTest(dtype):
                logits = random.normal(0, 5, (6, 70, 10)).astype(dtype)
                np.testing.assert_allclose(self.margins(logits, labels), reference(logits, labels),
                                           rtol=1e-5, atol=1e-5)

    def test_labels_of_every_whole_number_type(self):
        logits = np.random.default_rng(1).normal(size=(3, 20, 4)).astype(np.float32)
        labels = np.arange(20) % 4
        expected = self.margins(logits, labels)
        for dtype in (np.uint8, np.int8, np.int16, np.int32):
            with self.subTest(dtype):
                self.assertTrue(np.array_equal(self.margins(logits, labels.astype(dtype)), expected))

    def test_large_logits_neither_overflow_nor_lose_the_difference(self):
        logits = np.array([[[3e4, 2e4, 1e4], [-3e4, 6e4, 6e4]]], np.float32)
        np.testing.assert_allclose(self.margins(logits, np.array([0, 0])),
                                   [[1e4, -9e4 - np.log(2)]], rtol=1e-6)

    def test_two_classes_give_the_difference_of_their_logits(self):
        logits = np.random.default_rng(2).normal(size=(5, 9, 2)).astype(np.float32)
        np.testing.assert_allclose(self.margins(logits, np.zeros(9, np.int64)),
                                   logits[..., 0] - logits[..., 1], atol=1e-6)

    def test_one_model_without_the_first_axis(self):
        logits = np.random.default_rng(3).normal(size=(1, 30, 5)).astype(np.float32)
        labels = np.arange(30) % 5
        np.testing.assert_array_equal(self.margins(logits[0], labels), self.margins(logits, labels)[0])

    def test_number_of_workers_changes_no_bit(self):
        logits = np.random.default_rng(4).normal(0, 3, (40, 2000, 3)).astype(np.float16)
        labels = np.arange(2000) % 3
        self.assertTrue(np.array_equal(self.margins(logits, labels, "--workers", 1),
                                       self.margins(logits, labels, "--workers", 2)))

    def test_json_holds_shape_and_mean(self):
        logits = np.random.default_rng(5).normal(size=(4, 6, 3)).astype(np.float32)
        self.npy("logits.npy", logits)
        self.npy("labels.npy", np.arange(6) % 3)
        got = json.loads(self.succeeds("margins", "logits.npy", "labels.npy", "--out", "m.npy", "--json"))
        self.assertEqual(got["shape"], [4, 6])
        self.assertAlmostEqual(got["mean"], self.load("m.npy").astype(np.float64).mean(), delta=1e-6)

    def test_margins_are_what_klom_reads(self):
        logits = np.random.default_rng(6).normal(size=(80, 6, 3)).astype(np.float32)
        self.margins(logits, np.arange(6) % 3)
        self.succeeds("klom", "m.npy", "m.npy", "--out", "k.npy")
        self.assertTrue(np.array_equal(self.load("k.npy"), np.zeros(6)))


if __name__ == "__main__":
    cli.main()
