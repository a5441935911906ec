"""expunge explain, against generalised least squares written out in NumPy, one example at a time."""
import json
import os
import re

import cli
import numpy as np


def margins(logits, labels):
    """Margins (N, m) of logits (N, m, C)."""
    own = np.take_along_axis(logits, labels[None, :, None], 2)[..., 0]
    others = logits.astype(float).copy()
    np.put_along_axis(others, np.broadcast_to(labels[None, :, None], (*logits.shape[:2], 1)), -np.inf, 2)
    top = others.max(2)
    return own - top - np.log(np.exp(others - top[..., None]).sum(2))


def effect_of(masks, outputs, example, point, ratio):
    """Effect and standard error of one example, the other ones being noise of a known form."""
    models, n = masks.shape
    alpha = masks.mean()
    a = masks - alpha
    fixed = [np.ones(models), a[:, example]]
    others = [i for i in range(n) if i != example]
    if point < n and point != example:
        fixed.insert(1, a[:, point])
        others.remove(point)
    covariance = a[:, others] @ a[:, others].T + ratio * n * alpha * (1 - alpha) * np.eye(models)
    root = np.linalg.cholesky(covariance)
    x = np.linalg.solve(root, np.stack(fixed, 1))
    y = np.linalg.solve(root, outputs)
    inverse = np.linalg.inv(x.T @ x)
    b = inverse @ x.T @ y
    variance = ((y - x @ b)**2).sum() / (models - x.shape[1])
    return b[-1], np.sqrt(variance * inverse[-1, -1])


class Explain(cli.Scratch):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(0)
        self.masks = random.random((60, 12)) < 0.7
        self.labels = np.arange(15) % 3
        self.logits = random.normal(size=(60, 15, 3))
        for j in range(12):
            self.logits[:, j, self.labels[j]] += 3 * self.masks[:, j]
        self.logits[:, 13, self.labels[13]] += 4 * self.masks[:, 5] - 4 * self.masks[:, 8]
        self.logits = self.logits.astype(np.float32)
        for name, array in (("m.npy", self.masks), ("z.npy", self.logits), ("y.npy", self.labels),
                            ("full.npy", self.logits[:7])):
            self.npy(name, array)
        self.arrays = ("--masks", "m.npy", "--logits", "z.npy", "--labels", "y.npy")

    def explain(self, *options):
        return json.loads(self.succeeds("explain", *self.arrays, "--json", *options))

    def test_effects_are_those_of_least_squares(self):
        got = self.explain("--point", "13", "--point", "4", "--top", "12", "--lambda-ratio", "2")
        self.assertEqual([point["point"] for point in got["points"]], [13, 4])
        self.assertEqual([point["place"] for point in got["points"]], ["validation example 1", "training example 4"])
        values = margins(self.logits, self.labels)
        for point in got["points"]:
            listed = point["helps"] + point["hurts"]
            self.assertEqual(sorted(e["example"] for e in listed), list(range(12)))
            for e in listed:
                effect, error = effect_of(self.masks, values[:, point["point"]], e["example"], point["point"], 2)
                self.assertAlmostEqual(e["effect"], effect, places=4)
                self.assertAlmostEqual(e["error"], error, places=4)
                self.assertEqual(e["label"], e["example"] % 3)
                self.assertEqual(e["stands_out"], abs(e["effect"]) > point["threshold"] * e["error"])
            self.assertEqual(point["standing_out"], sum(e["stands_out"] for e in listed))
            self.assertAlmostEqual(point["margin"], values[:, point["point"]].mean(), places=4)
        self.assertEqual(got["points"][0]["helps"][0]["example"], 5)
        self.assertEqual(got["points"][0]["hurts"][0]["example"], 8)
        self.assertEqual(got["points"][0]["standing_out"], 2)
        self.assertEqual(got["points"][1]["helps"][0]["example"], 4)  # itself

    def test_another_class_may_be_asked_about(self):
        other = np.where(np.arange(15) == 13, 2, self.labels)
        self.assertEqual(self.labels[13], 1)
        got = self.explain("--point", "13", "--class", "2", "--top", "1", "--lambda-ratio", "2")["points"][0]
        self.assertEqual((got["label"], got["class"]), (1, 2))
        e = got["hurts"][0]
        effect, error = effect_of(self.masks, margins(self.logits, other)[:, 13], e["example"], 13, 2)
        self.assertAlmostEqual(e["effect"], effect, places=4)
        self.assertAlmostEqual(e["error"], error, places=4)

    def test_text_says_what_the_full_models_predict(self):
        text = self.succeeds("explain", *self.arrays, "--full-logits", "full.npy", "--point", "13", "--top", "2")
        votes = self.logits[:7, 13].argmax(1)
        self.assertIn("point 13: validation example 1, 1\n", text)
        self.assertIn("over 7 full models", text)
        self.assertIn(f"{(votes == 1).sum()} of 7 full models predict 1", text)
        self.assertRegex(text, r"help most, nats\nexample +class +effect +std\. error +shrunk\n")
        self.assertRegex(text, r"(?m)^ +5 +1?2? *\+\d\.\d{3} .* stands out$")
        self.assertNotRegex(text, r"(?m) $")

    def test_refusals(self):
        self.refuses("explain", *self.arrays, code=2, says="--point")
        self.refuses("explain", "--point", "1", code=2, says="--experiment, or --masks with --logits")
        self.refuses("explain", *self.arrays, "--point", "15", code=2, says=("0 to 14", "got 15"))
        self.refuses("explain", *self.arrays, "--point", "-1", code=2, says="got -1")
        self.refuses("explain", *self.arrays, "--point", "1", "--pint", "2", code=2, says="--point")
        self.refuses("explain", *self.arrays, "--point", "1", "--top", "0", code=2, says="top")
        self.refuses("explain", *self.arrays, "--point", "1", "--class", "7", code=2, says="7")
        self.refuses("explain", *self.arrays, "--point", "1", "--html", "none/x.html", says="none")
        self.refuses("explain", "--experiment", "x", "--masks", "m.npy", "--point", "1", code=2, says="exclude")
        self.refuses("explain", "--experiment", "x", "--point", "1", says="x/subset")
        self.refuses("explain", "--masks", "m.npy", "--logits", "z.npy", "--point", "1", code=2, says="--labels")
        self.npy("short.npy", self.labels[:14])
        self.refuses("explain", *self.arrays[:4], "--labels", "short.npy", "--point", "1", says="short.npy")
        self.npy("high.npy", self.labels + 1)
        self.refuses("explain", *self.arrays[:4], "--labels", "high.npy", "--point", "1", says="0 to 2")
        self.refuses("explain", *self.arrays, "--full-logits", "m.npy", "--point", "1", says="m.npy")
        self.logits[3, 4, 1] = np.nan
        self.npy("nan.npy", self.logits)
        self.refuses("explain", "--masks", "m.npy", "--logits", "nan.npy", "--labels", "y.npy", "--point", "13",
                     says="model 3, point 4")


class ExplainExperiment(cli.Scratch):
    def test_pages_have_the_pictures_of_an_experiment(self):
        cli.tiny_experiment(self.folder, epochs=1, subset=20, full=4)
        self.succeeds("train", "tiny.toml", "--out", "run", "--quiet")
        text = self.succeeds("explain", "--experiment", "run", "--point", "81", "--point", "3", "--top", "4", "--html",
                             "page.html")
        self.assertIn("over 4 full models", text)
        self.assertIn("-> page.html", text)
        with open(self.path("page.html"), encoding="utf-8") as file:
            html = file.read()
        self.assertEqual(html.count("<img "), 2 * (1 + 4 + 4))
        self.assertEqual(len(re.findall(r"<li class=\"out\">|<li>", html)), 16)
        self.assertIn("Validation example 1: ", html)
        self.assertIn("Training example 3: ", html)
        self.assertNotRegex(html, r"(?i)<script|https?:(?!//www\.w3\.org)")
        again = re.search(r"<code>expunge (explain .*)</code>", html).group(1).replace("&#39;", "'")
        os.rename(self.path("page.html"), self.path("first.html"))
        self.succeeds(*again.split())
        with open(self.path("page.html"), encoding="utf-8") as file:
            self.assertEqual(file.read(), html)
        # The same by arrays, with pictures from the configuration.
        arrays = ("--masks", "run/subset/masks.npy", "--logits", "run/subset/logits.npy")
        same = json.loads(self.succeeds("explain", *arrays, "--config", "tiny.toml", "--point", "81", "--json"))
        asked = json.loads(self.succeeds("explain", "--experiment", "run", "--point", "81", "--json"))
        self.assertEqual(same["points"][0]["helps"], asked["points"][0]["helps"])
        # Data that are not those of the models.
        cli.tiny_data(self.folder, seed=1)
        self.refuses("explain", "--experiment", "run", "--point", "81", says="changed since")

    def test_vectors_have_no_pictures(self):
        cli.tiny_experiment(self.folder, epochs=1, subset=20, full=2)
        for part in ("train", "val"):
            images = self.load(f"{part}_images.npy")
            self.npy(f"{part}_images.npy", (images.reshape(len(images), -1) - 90).astype(np.float32))
        self.succeeds("train", "tiny.toml", "--out", "run", "--quiet")
        self.succeeds("explain", "--experiment", "run", "--point", "5", "--html", "page.html")
        with open(self.path("page.html"), encoding="utf-8") as file:
            html = file.read()
        self.assertNotIn("<img", html)
        self.assertIn("itself", html)


if __name__ == "__main__":
    cli.main()
