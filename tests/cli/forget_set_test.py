"""expunge forget-set: random sets, classes, neighbours and lists, against NumPy."""
import json
import re

import cli
import numpy as np
from forget_set_case import Case


class Random(Case):
    def test_is_a_draw_by_the_seed(self):
        first, said = self.choose("random", "--n", 50, "--count", 10)
        self.assertEqual((said["n"], said["seed"], said["classes"]), (50, 0, []))
        self.assertTrue(set(first) <= set(range(50)))
        more, _ = self.choose("random", "--n", 50, "--count", 49, "--seed", 0)
        self.assertEqual(more[:10], first)
        other, _ = self.choose("random", "--n", 50, "--count", 10, "--seed", 1)
        self.assertNotEqual(other, first)

    def test_counts_classes_where_labels_are_known(self):
        labels = np.arange(60) % 4
        self.npy("y.npy", labels)
        indices, said = self.choose("random", "--labels", "y.npy", "--n", 40, "--count", 30)
        self.assertLess(max(indices), 40)
        expected = np.bincount(labels[indices], minlength=4)
        self.assertEqual([c["forgotten"] for c in said["classes"]], list(expected))
        self.assertEqual([c["of"] for c in said["classes"]], [10] * 4)
        out = self.succeeds("forget-set", "random", "--labels", "y.npy", "--n", 40, "--count", 30, "--out", "f.txt")
        self.assertEqual(out, "30 of 40 training examples -> f.txt\nclasses: " +
                         ", ".join(f"{k} of 10 {c}" for c, k in enumerate(expected)) + "\n")

    def test_refusals(self):
        for count in (0, 50, 51):
            self.wrong("random", "--n", 50, "--count", count, says=["option count", "1 to 49", f"got {count}"])
        self.wrong("random", "--count", 3, says="the number of training examples")
        self.wrong("random", "--n", 50, says=["--count", "required"])
        self.wrong("random", "--n", 50, "--count", -1, says="at least 0")
        self.wrong("random", "--n", 50, "--count", 3, "--seed", "x", says="whole number")
        self.npy("y.npy", np.arange(5))
        self.wrong("random", "--labels", "y.npy", "--n", 6, "--count", 3, code=1, says=["y.npy", "6", "got 5"])
        self.wrong("random", "--labels", "y.npy", "--config", "c.toml", "--count", 3, says="one of them")
        self.npy("y.npy", np.arange(5.0))
        self.wrong("random", "--labels", "y.npy", "--count", 3, code=1, says=["y.npy", "whole numbers"])
        self.npy("y.npy", np.arange(5) - 1)
        self.wrong("random", "--labels", "y.npy", "--count", 3, code=1, says=["y.npy", "got -1"])
        self.wrong("random", "--labels", "no.npy", "--count", 3, code=1, says="no.npy")
        self.refuses("forget-set", "random", "--n", 50, "--count", 3, "--out", "no/f.txt", says="no/f.txt")


class OfClass(Case):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder)
        self.text("class_names.txt", "coat\nankle boot\nbag\n")
        self.labels = self.load("train_labels.npy")
        self.members = list(np.flatnonzero(self.labels == 1))

    def test_whole_by_number_or_name(self):
        for source, name in ((("--labels", "train_labels.npy"), 1), (("--config", "tiny.toml"), 1),
                             (("--config", "tiny.toml"), "ankle boot")):
            indices, said = self.choose("class", *source, "--class", name)
            self.assertEqual(indices, self.members)
            self.assertEqual(said["class"], 1)
            label = "ankle boot" if source[0] == "--config" else "1"
            self.assertEqual(said["classes"], [{"label": 1, "name": label, "forgotten": len(self.members),
                                                "of": len(self.members)}])

    def test_part_by_count_or_share(self):
        five, said = self.choose("class", "--config", "tiny.toml", "--class", "1", "--count", 5, "--seed", 3)
        self.assertEqual((len(five), said["seed"]), (5, 3))
        self.assertTrue(set(five) <= set(self.members))
        half, _ = self.choose("class", "--config", "tiny.toml", "--class", "1", "--share", 0.5, "--seed", 3)
        self.assertEqual(len(half), int(len(self.members) / 2 + 0.5))
        self.assertEqual(half[:5], five)
        every, _ = self.choose("class", "--config", "tiny.toml", "--class", "1", "--share", 1)
        self.assertEqual(sorted(every), self.members)

    def test_refusals(self):
        data = ("class", "--config", "tiny.toml")
        self.wrong(*data, "--class", "ankle bot", says='did you mean "ankle boot"?')
        self.wrong(*data, "--class", 3, says=["from 0 to 2", '"3"'])
        self.wrong(*data, "--class", 1, "--count", len(self.members) + 1, says=[f"1 to {len(self.members)}", "class 1"])
        self.wrong(*data, "--class", 1, "--count", 0, says="option count")
        for share in (0, 1.5, "nan"):
            self.wrong(*data, "--class", 1, "--share", share, says="option share")
        self.wrong(*data, "--class", 1, "--share", 0.5, "--count", 3, says="got both")
        self.wrong(*data, says=["--class", "required"])
        self.wrong("class", "--n", 5, "--class", 1, says="labels required")
        self.wrong("class", "--labels", "train_labels.npy", "--class", "bag", says="no names")
        self.npy("same.npy", np.zeros(9, np.int64))
        self.wrong("class", "--labels", "same.npy", "--class", 0, says="all 9")


class Nearest(Case):
    def expected(self, e, example, count, distance):
        x = e.astype(np.float64)
        if distance == "cosine":
            unit = x / np.linalg.norm(x, axis=1, keepdims=True)
            away = 1 - unit @ unit[example]
        else:
            away = np.linalg.norm(x - x[example], axis=1)
        away[example] = -1
        return list(np.argsort(away, kind="stable")[:count])

    def test_neighbours_in_a_file(self):
        random = np.random.default_rng(1)
        for dtype in (np.float16, np.float32, np.float64):
            e = (random.normal(size=(50, 8)) + 0.3).astype(dtype)
            self.npy("e.npy", e)
            for distance in ("cosine", "euclidean"):
                indices, said = self.choose("nearest", "--embeddings", "e.npy", "--example", 7, "--count", 12,
                                            "--distance", distance)
                self.assertEqual(indices, self.expected(e, 7, 12, distance))
                self.assertEqual((said["n"], said["distance"], said["dimensions"]), (50, distance, 8))

    def test_neighbours_in_a_models_features(self):
        cli.tiny_experiment(self.folder)
        self.succeeds("train", "tiny.toml", "--out", "out", "--quiet")
        model = "out/full/weights/00000.safetensors"
        with open(self.path(model), "rb") as file:
            data = file.read()
        begin = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:begin])
        mean, deviation = (float(header["__metadata__"][f"expunge.{k}"].strip("[]")) for k in ("mean", "stddev"))
        w, b = (np.frombuffer(data[begin:][slice(*header[k]["data_offsets"])], "<f4").reshape(header[k]["shape"])
                for k in ("1.weight", "1.bias"))
        images = self.load("train_images.npy").reshape(80, -1) / 255
        features = np.maximum((images - mean) / deviation @ w.T + b, 0)
        for distance in ("cosine", "euclidean"):
            indices, said = self.choose("nearest", "--model", model, "--config", "tiny.toml", "--example", 33,
                                        "--count", 9, "--distance", distance)
            self.assertEqual(indices, self.expected(features, 33, 9, distance))
            self.assertEqual(said["dimensions"], 8)
            self.assertEqual(sum(c["forgotten"] for c in said["classes"]), 9)
        self.wrong("nearest", "--model", model, "--example", 3, "--count", 2, says="--config")
        cli.tiny_data(self.folder, seed=4)  # another normalisation
        self.wrong("nearest", "--model", model, "--config", "tiny.toml", "--example", 3, "--count", 2, code=1,
                   says=[model, "trained on other data"])

    def test_refusals(self):
        e = np.random.default_rng(1).normal(size=(9, 4)).astype(np.float32)
        self.npy("e.npy", e)
        near = ("nearest", "--embeddings", "e.npy")
        self.wrong(*near, "--example", 9, "--count", 3, says=["option example", "0 to 8"])
        self.wrong(*near, "--example", 1, "--count", 0, says="option count")
        self.wrong(*near, "--example", 1, "--count", 9, says="1 to 8")
        self.wrong(*near, "--example", 1, "--count", 3, "--distance", "cosin", says='did you mean "cosine"?')
        self.wrong("nearest", "--example", 1, "--count", 3, says="one of --embeddings and --model")
        self.wrong(*near, "--example", 1, "--count", 3, "--n", 8, says="option n")
        e[4, 1] = np.nan
        self.npy("e.npy", e)
        self.wrong(*near, "--example", 1, "--count", 3, code=1, says=["NaN", "example 4"])
        e[4] = 0
        self.npy("e.npy", e)
        self.wrong(*near, "--example", 1, "--count", 3, code=1, says=["cosine", "example 4"])
        self.npy("e.npy", e[0])
        self.wrong(*near, "--example", 1, "--count", 3, code=1, says="(n, d)")
        self.npy("e.npy", e.astype(np.int32))
        self.wrong(*near, "--example", 1, "--count", 3, code=1, says="float")


class Ids(Case):
    def test_are_checked_and_written_in_increasing_order(self):
        self.text("list.txt", "# mine\n17\n3 # a dog\n\n9\n")
        for options in (("--ids", "17,3,9"), ("--file", "list.txt")):
            indices, said = self.choose("ids", *options, "--n", 20)
            self.assertEqual(indices, [3, 9, 17])
            self.assertEqual(said["n"], 20)

    def test_refusals(self):
        self.wrong("ids", "--n", 20, says="one of --ids and --file")
        self.wrong("ids", "--ids", "3", says="the number of training examples")
        self.wrong("ids", "--ids", "3,20", "--n", 20, code=1, says=["--ids", "0 to 19", "got 20"])
        self.wrong("ids", "--ids", "3,3", "--n", 20, code=1, says="there twice")
        self.wrong("ids", "--ids", "0,1", "--n", 2, code=1, says="all 2")
        self.wrong("ids", "--ids", "3,x", "--n", 20, says="--ids")
        self.text("list.txt", "1\n2 3\n")
        self.wrong("ids", "--file", "list.txt", "--n", 20, code=1, says="list.txt:2")


class Usage(Case):
    def test_kind_that_is_missing_or_unknown(self):
        self.refuses("forget-set", code=2, says=["a kind required", "expunge forget-set --help"])
        self.refuses("forget-set", "randm", code=2, says='did you mean "forget-set random"?')
        self.refuses("forget-set", "random", "--cuont", 3, code=2, says="did you mean --count?")
        self.refuses("forget-set", "principal", "--jsno", code=2, says="did you mean --json?")

    def test_help_of_each_kind_names_its_options(self):
        top = self.succeeds("forget-set", "--help")
        for kind, options in (("random", "count seed"), ("class", "class subpopulation count share seed"),
                              ("nearest", "example count embeddings model distance"),
                              ("principal", "count component end masks logits margins lambda-ratio seed"),
                              ("ids", "ids file")):
            self.assertRegex(top, rf"(?m)^  {kind} +[A-Z]")
            text = self.succeeds("forget-set", kind, "--help")
            listed = re.findall(r"(?m)^  (?:-\w,)?--([\w-]+)", text)
            self.assertEqual(sorted(listed), sorted(["help", "config", "experiment", "labels", "n", "out", "json",
                                                     "quiet", "workers", *options.split()]))

    def test_names_in_the_file_stay_in_their_line(self):
        self.npy("a'b c.npy", np.arange(9) % 2)
        self.assertEqual(len(self.choose("random", "--labels", "a'b c.npy", "--count", 3)[0]), 3)


if __name__ == "__main__":
    cli.main()
