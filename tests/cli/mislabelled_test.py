"""expunge mislabelled, against means written out in NumPy and labels that were made wrong."""
import json

import cli
import numpy as np
from explain_test import margins


def auc(score, wrong):
    """Share of pairs in which the wrong one scores higher."""
    above = score[wrong][:, None] - score[~wrong][None]
    return ((above > 0) + 0.5 * (above == 0)).mean()


class Mislabelled(cli.Scratch):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(1)
        self.masks = random.random((50, 30)) < 0.7
        self.labels = np.arange(35) % 3
        self.logits = random.normal(size=(50, 35, 3)) * 2
        truth = self.labels.copy()
        truth[:6] = (truth[:6] + 1) % 3  # the first six labels are wrong
        for j in range(35):
            self.logits[:, j, truth[j]] += 2
        for j in range(30):
            self.logits[:, j, self.labels[j]] += 2 * self.masks[:, j]
        self.logits = self.logits.astype(np.float32)
        self.full = self.logits[:9]
        for name, array in (("m.npy", self.masks), ("z.npy", self.logits), ("y.npy", self.labels),
                            ("full.npy", self.full)):
            self.npy(name, array)
        self.text("known.txt", "".join(f"{i}\n" for i in range(6)))
        self.arrays = ("--masks", "m.npy", "--logits", "z.npy", "--labels", "y.npy", "--full-logits", "full.npy")

    def mislabelled(self, *options):
        return json.loads(self.succeeds("mislabelled", *self.arrays, "--json", *options))

    def test_quantities_orders_and_detection_are_as_defined(self):
        values = margins(self.logits, self.labels)[:, :30]
        out = [values[~self.masks[:, i], i] for i in range(30)]
        seen = [values[self.masks[:, i], i] for i in range(30)]
        without = np.array([x.mean() for x in out])
        scores = {"left-out-probability": -np.array([(1 / (1 + np.exp(-x))).mean() for x in out]),
                  "left-out-margin": -without,
                  "own-effect": np.array([x.mean() for x in seen]) - without,
                  "full-margin": -margins(self.full, self.labels)[:, :30].mean(0)}
        wrong = np.arange(30) < 6
        for by, score in scores.items():
            got = self.mislabelled("--by", by, "--count", "8", "--known", "known.txt", "--out", "list.txt")
            order = np.argsort(-score, kind="stable")
            self.assertEqual([s["example"] for s in got["suspects"]], list(order[:8]), by)
            listed = np.loadtxt(self.path("list.txt"), dtype=int, comments="#")
            self.assertEqual(list(listed), list(order[:8]))
            known = {k["by"]: k for k in got["known"]}
            self.assertEqual(list(known), list(scores))
            for name, other in scores.items():
                found = wrong[np.argsort(-other, kind="stable")[:6]].sum()
                self.assertEqual((known[name]["found"], known[name]["of"]), (found, 6))
                self.assertAlmostEqual(known[name]["auc"], auc(other, wrong), places=9)
        for s in got["suspects"]:
            i = s["example"]
            self.assertAlmostEqual(s["left_out_margin"], without[i], places=5)
            self.assertAlmostEqual(s["left_out_margin_error"], out[i].std(ddof=1) / np.sqrt(len(out[i])), places=5)
            self.assertAlmostEqual(s["own_effect"], scores["own-effect"][i], places=5)
            votes = np.bincount(self.logits[~self.masks[:, i], i].argmax(1), minlength=3)
            self.assertEqual((s["favourite"], s["favourite_votes"]), (votes.argmax(), votes.max()))

    def test_list_is_one_that_forget_set_reads(self):
        self.succeeds("mislabelled", *self.arrays, "--count", "5", "--out", "list.txt")
        self.succeeds("forget-set", "ids", "--file", "list.txt", "--n", "30", "--out", "f.txt")
        self.assertEqual(len(np.loadtxt(self.path("f.txt"), dtype=int, comments="#")), 5)

    def test_text_and_page(self):
        cli.tiny_experiment(self.folder, epochs=1, subset=20, full=3)
        self.succeeds("train", "tiny.toml", "--out", "run", "--quiet")
        text = self.succeeds("mislabelled", "--experiment", "run", "--count", "7", "--known", "three.txt", "--html",
                             "page.html")
        self.assertRegex(text, r"\A7 of 80 training examples, most suspect first, by left-out-probability; nats\nexample ")
        self.assertRegex(text, r"(?m)^full-margin +\d of 3 +0\.\d\d +0\.\d{3}$")
        with open(self.path("page.html"), encoding="utf-8") as file:
            html = file.read()
        self.assertEqual(html.count("<img "), 7)
        self.assertIn("<table", html)

    def test_refusals(self):
        arrays = self.arrays
        self.refuses("mislabelled", code=2, says="--experiment, or --masks with --logits")
        self.refuses("mislabelled", *arrays, "--count", "0", code=2, says="1 to 29")
        self.refuses("mislabelled", *arrays, "--count", "30", code=2, says="got 30")
        self.refuses("mislabelled", *arrays, "--by", "luck", code=2, says="luck")
        self.refuses("mislabelled", *arrays[:6], "--by", "full-margin", code=2, says="--full-logits")
        self.refuses("mislabelled", *arrays, "--known", "none.txt", says="none.txt")
        self.text("bad.txt", "1\n30\n")
        self.refuses("mislabelled", *arrays, "--known", "bad.txt", says="bad.txt")
        self.refuses("mislabelled", *arrays, "--out", "none/l.txt", says="none")
        self.refuses("mislabelled", *arrays, "--outt", "l.txt", code=2, says="--out")
        self.masks[:, 4] = True
        self.masks[7, 4] = False
        self.npy("few.npy", self.masks)
        self.refuses("mislabelled", "--masks", "few.npy", *arrays[2:], says="training example 4")
        self.logits[3, 4, 1] = np.inf
        self.npy("inf.npy", self.logits)
        self.refuses("mislabelled", "--masks", "m.npy", "--logits", "inf.npy", "--labels", "y.npy",
                     says="model 3, point 4")


if __name__ == "__main__":
    cli.main()
