"""expunge import and export: stores and scores as public packages lay them out, read and written by NumPy."""
import json
import os

import numpy as np

import cli


class Exchange(cli.Scratch):
    def made_store(self, rows=40, n=30, v=6, classes=3):
        """A datamodels store as its worker fills it: memory-mapped arrays, some rows never written."""
        os.mkdir(self.path("theirs"))
        random = np.random.default_rng(1)
        completed = np.ones(rows, bool)
        completed[[2, 7]] = False
        masks = random.random((rows, n)) < 0.6
        effects = random.normal(size=(n, n + v, classes)) * 0.2
        logits = np.einsum("in,nmc->imc", masks, effects) + random.normal(size=(rows, n + v, classes)) * 0.1
        arrays = {"masks": masks & completed[:, None], "_completed": completed,
                  "logits": (logits * completed[:, None, None]).astype(np.float16)}
        for name, array in arrays.items():
            mapped = np.lib.format.open_memmap(self.path(f"theirs/{name}.npy"), mode="w+", dtype=array.dtype,
                                               shape=array.shape)
            mapped[:] = array
            mapped.flush()
        return arrays

    def test_a_datamodels_store_comes_in_and_goes_on_to_a_prediction(self):
        arrays = self.made_store()
        text = self.succeeds("import", "datamodels", "theirs", "--out", "in")
        self.assertIn("38 of 40 models completed; 30 training examples", text)
        kept = arrays["_completed"]
        self.assertTrue(np.array_equal(self.load("in/masks.npy"), arrays["masks"][kept]))
        self.assertTrue(np.array_equal(self.load("in/logits.npy"), arrays["logits"][kept]))
        self.assertTrue(self.load("in/_completed.npy").all())
        self.text("forget.txt", "3\n")
        shift = ("removal-shift", "--prior", "none", "--lambda", 1, "--forget", "forget.txt", "--masks")
        self.succeeds(*shift, "in/masks.npy", "--logits", "in/logits.npy", "--out", "shift.npy")
        self.npy("m.npy", arrays["masks"][kept])
        self.npy("z.npy", arrays["logits"][kept])
        self.succeeds(*shift, "m.npy", "--logits", "z.npy", "--out", "direct.npy")
        self.assertTrue(np.array_equal(self.load("shift.npy"), self.load("direct.npy")))

    def test_released_arrays_are_joined_and_margins_kept(self):
        random = np.random.default_rng(2)
        masks = random.random((20, 9)) < 0.5
        train, test = random.normal(size=(20, 9)).astype(np.float16), random.normal(size=(20, 4)).astype(np.float16)
        for name, array in (("masks", masks), ("train", train), ("test", test)):
            self.npy(f"{name}_50pct.npy", array)
        found = json.loads(self.succeeds("import", "datamodels", "--masks", "masks_50pct.npy", "--outputs",
                                         "train_50pct.npy", "--outputs", "test_50pct.npy", "--out", "in", "--json"))
        self.assertEqual((found["models"], found["training_examples"], found["points"], found["classes"]),
                         (20, 9, 13, 0))
        self.assertAlmostEqual(found["alpha"], masks.mean(), places=12)
        margins = np.concatenate([train, test], axis=1).astype(np.float32)
        self.assertTrue(np.array_equal(self.load("in/margins.npy"), margins))
        self.assertTrue(np.array_equal(self.load("in/logits.npy"), margins.astype(np.float16)[..., None]))
        # Test points alone: told, as what needs the training points would refuse them.
        done = self.run_here("import", "datamodels", "--masks", "masks_50pct.npy", "--outputs", "test_50pct.npy",
                             "--out", "test")
        self.assertEqual(done.returncode, 0)
        self.assertIn("warning: outputs of 4 points for 9 training examples", done.stderr)

    def test_a_store_goes_out_as_their_regression_reads_it(self):
        cli.tiny_experiment(self.folder)
        self.succeeds("train", "tiny.toml", "--out", "out", "--quiet")
        self.succeeds("export", "datamodels", "out/subset", "--labels", "out/labels.npy", "--out", "theirs")
        with open(self.path("theirs/spec.json"), encoding="utf-8") as file:
            spec = json.load(file)
        for name, declared in spec["schema"].items():
            array = np.load(self.path(f"theirs/{name}.npy"), mmap_mode="r")
            self.assertEqual(array.shape, (spec["num_models"], *declared["shape"]))
            self.assertEqual(array.dtype, np.dtype(declared["dtype"].rstrip("_")))
        logits, labels = self.load("out/subset/logits.npy"), self.load("out/labels.npy")
        others = np.where(np.eye(3, dtype=bool)[labels], -np.inf, logits.astype(np.float64))
        expected = np.take_along_axis(logits, labels[None, :, None], 2)[..., 0] - np.log(np.exp(others).sum(2))
        self.assertLess(np.abs(self.load("theirs/margins.npy") - expected).max(), 1e-4)

    def test_easydub_out_and_in_again(self):
        cli.tiny_experiment(self.folder, full=5, oracles=6)
        self.succeeds("train", "tiny.toml", "--out", "out", "--quiet")
        self.succeeds("export", "easydub", "out", "--set", "three", "--forget-set", 7, "--out", "tree")
        forget = np.load(self.path("tree/forget_sets/cifar10/forget_set_7.npy"))
        self.assertEqual(forget.tolist(), [3, 17, 41])

        def margins(kind, phase, model):  # as their load_margins_array finds them
            part = f"forget_7/{phase}" if kind == "oracle" else "forget_7" if phase == "forget" else phase
            return np.load(self.path(f"tree/margins/cifar10/{kind}/{part}/resnet9/id_{model}_epoch_23.npy"))

        self.succeeds("margins", "out/full/logits.npy", "out/labels.npy", "--out", "full.npy")
        self.succeeds("margins", "out/oracle-three/logits.npy", "out/labels.npy", "--out", "oracle.npy")
        full, oracle = self.load("full.npy"), self.load("oracle.npy")
        retained = np.setdiff1d(np.arange(80), forget)
        self.assertTrue(np.array_equal(margins("pretrain", "retain", 4), full[4, :80]))
        self.assertTrue(np.array_equal(margins("pretrain", "forget", 4), full[4, forget]))
        self.assertTrue(np.array_equal(margins("oracle", "retain", 5), oracle[5, retained]))
        self.assertTrue(np.array_equal(margins("oracle", "val", 5), oracle[5, 80:]))

        text = self.succeeds("import", "easydub", "tree", "--forget-set", 7, "--out", "in")
        self.assertIn("5 full models and 6 oracles without 3 of 80 training examples; margins of these and 40", text)
        self.assertIn("differ by 0 at most", text)
        self.assertTrue(np.array_equal(self.load("in/full.npy"), full))
        self.assertTrue(np.array_equal(self.load("in/oracle.npy"), oracle))
        self.succeeds("import", "easydub", "tree", "--forget-set", 7, "--logits", "--out", "theirss")
        self.assertTrue(np.array_equal(self.load("theirss/oracle-forget_7/logits.npy"),
                                       self.load("out/oracle-three/logits.npy")))
        self.succeeds("klom", "in/full.npy", "in/oracle.npy", "--convention", "easydub", "--out", "klom.npy")

    def test_trak_scores_in_and_out(self):
        os.makedirs(self.path("save/scores"))
        scores = np.random.default_rng(3).normal(size=(6, 4)).astype(np.float16)
        mapped = np.lib.format.open_memmap(self.path("save/scores/quick.mmap"), mode="w+", dtype=np.float16,
                                           shape=(6, 4))
        mapped[:] = scores
        mapped.flush()
        self.text("save/experiments.json", json.dumps({"quick": {"num_targets": 4, "scores_path": "x",
                                                                 "scores_finalized": 0}}))
        self.assertIn("6 training examples on 4 targets, float16",
                      self.succeeds("import", "trak", "save", "--name", "quick", "--out", "scores.npy"))
        self.assertTrue(np.array_equal(self.load("scores.npy"), scores.astype(np.float32)))
        self.succeeds("export", "trak", "scores.npy", "--name", "back", "--out", "save")
        written = np.lib.format.open_memmap(self.path("save/scores/back.mmap"), mode="r")
        self.assertTrue(np.array_equal(written, scores.astype(np.float32)))
        with open(self.path("save/experiments.json"), encoding="utf-8") as file:
            self.assertEqual(sorted(json.load(file)), ["back", "quick"])

    def test_what_is_wrong_is_told_and_nothing_written(self):
        self.made_store()
        self.refuses("import", "datamodels", "--out", "in", code=2, says="a store's folder, or --masks with --outputs")
        self.refuses("import", "datamodels", "theirs", "--masks", "m.npy", "--out", "in", code=2, says="got both")
        self.refuses("import", "datamodels", "nowhere", "--out", "in", says="masks.npy required")
        self.refuses("import", "easydub", "theirs", "--out", "in", says="id_0_epoch_23.npy")
        self.refuses("import", "easydub", "theirs", "--dataset", "..", "--out", "in", code=2, says="option dataset")
        self.refuses("import", "trak", "theirs", "--name", "x", "--out", "s.npy", says='got "x"')
        self.refuses("import", "trak", "nowhere", "--out", "s.npy", says="nowhere")
        self.refuses("export", "datamodels", "theirs", "--out", "x", says="ensemble.json")
        self.refuses("export", "trak", "theirs/logits.npy", "--name", "x", "--out", "x", says="scores (training examples")
        self.refuses("import", code=2, says="a kind required")


if __name__ == "__main__":
    cli.main()
