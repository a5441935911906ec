"""expunge unlearn --model: one model in a file is brought to its targets, and is a model again."""
import json

import cli
import numpy as np

n = 80  # training examples


class OneModel(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder)
        for stage in ("train", "attribute"):
            self.succeeds(stage, "tiny.toml", "--out", "out", "--quiet")

    def unlearn(self, model, out, *options, shift=("--shift", "out/shift-three.npy")):
        return json.loads(self.succeeds("unlearn", "tiny.toml", "--model", model, "--forget", "three.txt", *shift,
                                        "--out-model", out, "--json", *options))

    def test_unlearned_model_is_nearer_to_its_targets_and_loads_again(self):
        said = self.unlearn("out/full/weights/00000.safetensors", "once.safetensors")
        self.assertEqual((said["model"], said["forgotten"]), ("once.safetensors", 3))
        self.assertLess(said["forget_error_after"], 0.5 * said["forget_error_before"])
        self.assertAlmostEqual(said["cost_share_of_training"], said["sample_gradients"] / (n * 3), delta=1e-9)
        again = self.unlearn("once.safetensors", "twice.safetensors", "--seed", 1)
        self.assertGreater(again["forget_error_before"], 0)
        metadata, tensors = read_safetensors(self.path("once.safetensors"))
        self.assertEqual(json.loads(metadata["expunge.unlearned"]), [3, 17, 41])
        full = read_safetensors(self.path("out/full/weights/00000.safetensors"))[1]
        self.assertEqual({name: a.shape for name, a in tensors.items()}, {name: a.shape for name, a in full.items()})
        self.assertTrue(any(not np.array_equal(tensors[name], full[name]) for name in full))

    def test_logits_of_the_model_moved_by_the_shift_are_its_targets(self):
        logits = self.load("out/full/logits.npy")[1].astype(np.float64)
        shift = self.load("out/shift-three.npy").astype(np.float64)
        said = self.unlearn("out/full/weights/00001.safetensors", "a.safetensors")
        forget = [3, 17, 41]
        self.assertAlmostEqual(said["forget_error_before"], np.sqrt(np.square(shift[forget]).mean()), delta=1e-5)
        self.npy("targets.npy", (logits + shift).astype(np.float32))
        self.unlearn("out/full/weights/00001.safetensors", "b.safetensors", shift=("--targets", "targets.npy"))
        a, b = (read_safetensors(self.path(name))[1] for name in ("a.safetensors", "b.safetensors"))
        for name, tensor in a.items():
            np.testing.assert_allclose(tensor, b[name], atol=1e-4, err_msg=name)

    def test_same_seed_gives_the_same_bytes_and_another_seed_others(self):
        self.npy("shift.npy", self.load("out/shift-three.npy"))
        with open(self.path("tiny.toml"), "a", encoding="utf-8") as file:
            file.write("[matching]\nretain_points = 20\n")  # else all that is retained is drawn
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            self.unlearn("out/full/weights/00000.safetensors", f"{name}.safetensors", "--seed", seed)
        digests = cli.contents(self.folder)
        self.assertEqual(digests["a.safetensors"], digests["b.safetensors"])
        self.assertNotEqual(digests["a.safetensors"], digests["c.safetensors"])

    def test_text_says_cost_and_distance(self):
        out = self.succeeds("unlearn", "tiny.toml", "--model", "out/full/weights/00000.safetensors", "--forget",
                            "three.txt", "--shift", "out/shift-three.npy", "--out-model", "m.safetensors")
        self.assertRegex(out, r"3 examples unlearned at [\d.]+% of a training; .*: [\d.]+ before, [\d.]+ after\n"
                              r"m\.safetensors\n")


def read_safetensors(path):
    """Metadata and float32 tensors of a file, by the format's definition."""
    with open(path, "rb") as file:
        data = file.read()
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    metadata = header.pop("__metadata__")
    return metadata, {name: np.frombuffer(data[begin:][slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
                      for name, entry in header.items()}


if __name__ == "__main__":
    cli.main()
