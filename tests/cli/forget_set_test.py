"""expunge forget-set, against NumPy, and against itself made again from what the file says."""
import json
import os
import re
import shlex
import struct
import zlib

import cli
import numpy as np

N, n, m, C = 40, 30, 37, 3  # models, training examples, points (S first), classes


def indices_in(path):
    """Indices of a forget set's file, and its comments."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    comments = [line[2:] for line in lines if line.startswith("# ")]
    rest = [line for line in lines if not line.startswith("#")]
    assert lines == [f"# {c}" for c in comments] + rest  # comments first
    return [int(line) for line in rest], comments


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


class Case(cli.Scratch):
    def choose(self, *arguments, out="f.txt", **keywords):
        """What is in the file that a run writes, and what the run says as JSON."""
        said = json.loads(self.succeeds("forget-set", *arguments, "--out", out, "--json", **keywords))
        indices, comments = indices_in(self.path(out))
        self.assertEqual((said["kind"], said["examples"], said["out"]), (arguments[0], len(indices), out))
        self.assertEqual(len(set(indices)), len(indices))
        # The file says how it was made: that makes it again.
        made_by, = (c for c in comments if c.startswith("made by: expunge "))
        self.succeeds(*shlex.split(made_by)[3:], "--out", "again.txt")
        with open(self.path(out), "rb") as file, open(self.path("again.txt"), "rb") as again:
            self.assertEqual(again.read(), file.read())
        return indices, said

    def wrong(self, *arguments, says, code=2):
        self.refuses("forget-set", *arguments, "--out", "f.txt", code=code, says=says)


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


def png(value):
    """A grey PNG of 2 x 2 pixels of one value."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(bytes([0, value, value] * 2))) + chunk(b"IEND", b""))


LIVING17 = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../configs/reproduce/living17.toml")
SUBPOPULATIONS = """n01631663 n01632777 n01630670 n01632458 n01669191 n01665541 n01664065 n01667114 n01685808 n01689811
n01694178 n01675722 n01740131 n01735189 n01751748 n01742172 n01774750 n01773157 n01773797 n01775062 n01796340 n01798484
n01797886 n01795545 n01818515 n01820546 n01817953 n01819313 n01978287 n01980166 n01978455 n01981276 n02088466 n02086079
n02111500 n02086910 n02114855 n02114712 n02114548 n02114367 n02120505 n02120079 n02119022 n02119789 n02123159 n02124075
n02123394 n02123597 n02134418 n02133161 n02134084 n02132136 n02172182 n02174001 n02167151 n02168699 n02281406 n02276258
n02280649 n02277742 n02483362 n02480495 n02480855 n02481823 n02490219 n02493509 n02493793 n02492660""".split()


class OfSubpopulation(Case):
    """On an ImageNet of a few pictures in each folder of Living-17."""

    few = 6
    many = {"n02086079": 210, "n02123394": 205}  # those of the shipped configuration

    def setUp(self):
        super().setUp()
        for part in ("train", "val"):
            for g, wnid in enumerate(SUBPOPULATIONS):
                os.makedirs(self.path(f"imagenet/{part}/{wnid}"))
                for i in range(1 if part == "val" else self.many.get(wnid, self.few)):
                    with open(self.path(f"imagenet/{part}/{wnid}/{wnid}_{i:03}.JPEG"), "wb") as file:
                        file.write(png(g))
        with open(LIVING17, encoding="utf-8") as file:
            self.shipped = file.read()
        self.assertEqual(self.shipped.count("image_size = 224\n"), 1)
        os.makedirs(self.path("configs/reproduce"))
        self.text("configs/reproduce/living17.toml", self.shipped.replace("image_size = 224\n", "image_size = 2\n"))
        self.config = ("--config", "configs/reproduce/living17.toml")

    def pictures(self):
        """Each training example's subpopulation, by the cached images."""
        arrays = [np.load(os.path.join(folder, "images.npy")) for folder, _, files in os.walk(self.path("runs"))
                  if "images.npy" in files]
        largest = max(arrays, key=len)
        return [SUBPOPULATIONS[value] for value in largest[:, 0, 0, 0]]

    def test_commands_of_the_shipped_configuration(self):
        commands = re.findall(r"(?m)^#   (?:expunge )?(.*)$", self.shipped)
        self.assertEqual([c.split()[0] for c in commands], ["mkdir", "forget-set", "forget-set", "forget-set"])
        os.makedirs(self.path(commands[0].split()[-1]))
        for command in commands[1:]:
            self.succeeds(*shlex.split(command))
        of = self.pictures()
        self.assertEqual(len(of), 66 * self.few + sum(self.many.values()))
        names = re.findall(r'(?m)^file = "\.\./(.*)"$', self.shipped)
        self.assertEqual(len(names), 3)
        for name, size, subpopulation in zip(names, (500, 200, 200), (None, *self.many)):
            indices, comments = indices_in(self.path("configs/" + name))
            self.assertEqual(len(set(indices)), size)
            self.assertTrue(set(indices) <= set(range(len(of))))
            if subpopulation:
                self.assertEqual({of[i] for i in indices}, {subpopulation})
                self.assertIn(f"subpopulation: 200 of {self.many[subpopulation]} {subpopulation}", comments)
        self.assertIn(f"classes: 200 of {210 + 3 * self.few} dog", indices_in(self.path("configs/" + names[1]))[1])

    def test_whole_or_a_part_by_name_or_number(self):
        whole, said = self.choose("class", *self.config, "--subpopulation", "n02114712")
        of = self.pictures()
        self.assertEqual(whole, [i for i, wnid in enumerate(of) if wnid == "n02114712"])
        self.assertEqual((said["subpopulation"], said["subpopulation_name"]), (37, "n02114712"))
        self.assertEqual(said["classes"], [{"label": 9, "name": "wolf", "forgotten": 6, "of": 24}])
        self.assertEqual(self.choose("class", *self.config, "--subpopulation", 37)[0], whole)
        half, said = self.choose("class", *self.config, "--subpopulation", "n02114712", "--share", 0.5, "--seed", 3)
        self.assertEqual((len(half), said["seed"]), (3, 3))
        self.assertTrue(set(half) <= set(whole))
        two, _ = self.choose("class", *self.config, "--subpopulation", "n02114712", "--count", 2, "--seed", 3)
        self.assertEqual(two, half[:2])
        out = self.succeeds("forget-set", "class", *self.config, "--subpopulation", "n02114712", "--out", "f.txt")
        self.assertEqual(out, f"6 of {len(of)} training examples -> f.txt\nsubpopulation: 6 of 6 n02114712\n"
                              "classes: 6 of 24 wolf\n")
        wolves, _ = self.choose("class", *self.config, "--class", "wolf")
        self.assertEqual(len(wolves), 24)
        self.assertTrue(set(whole) <= set(wolves))

    def test_refusals(self):
        self.choose("random", *self.config, "--count", 3)  # fills the cache
        data = ("class", *self.config)
        self.wrong(*data, "--subpopulation", "n02114721", says='did you mean "n02114712"?')
        self.wrong(*data, "--subpopulation", 68, says=["a subpopulation from 0 to 67", '"68"'])
        self.wrong(*data, "--subpopulation", "n02114712", "--count", 7, says=["from 1 to 6", "subpopulation 37"])
        self.wrong(*data, "--subpopulation", "n02114712", "--class", "wolf", says=["one of", "got both"])
        self.wrong(*data, says=["--subpopulation", "got none"])
        self.npy("labels.npy", np.arange(9) % 2)
        self.wrong("class", "--labels", "labels.npy", "--subpopulation", "n02114712", says="data with subpopulations")
        cli.tiny_experiment(self.folder)
        self.wrong("class", "--config", "tiny.toml", "--subpopulation", 0, says="data with subpopulations")
        os.rename(self.path("imagenet/train/n02114712"), self.path("imagenet/train/wolf"))
        self.wrong(*data, "--subpopulation", "n02114712", code=1,
                   says=["imagenet/train: folders of 68 subpopulations required, got 67", "n02114712 (wolf)"])


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
