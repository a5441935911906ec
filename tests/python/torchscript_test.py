"""A TorchScript file on the command line, against the module that it was made of in PyTorch."""
import os
import sys

import numpy as np
import torch

import expunge

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import cli  # noqa: E402


class Net(torch.nn.Module):
    def __init__(self, classes: int = 3):
        super().__init__()
        self.hidden = torch.nn.Linear(36, 8)
        self.norm = torch.nn.BatchNorm1d(8)
        self.last = torch.nn.Linear(8, classes)

    def forward(self, x):
        return self.last(torch.relu(self.norm(self.hidden(x.flatten(1)))))

    @torch.jit.export
    def reset_parameters(self, seed: int):
        for layer in (self.hidden, self.last):
            layer.weight.uniform_(-0.3, 0.3)
            layer.bias.zero_()
        self.norm.weight.fill_(1.0)
        self.norm.bias.zero_()
        mean, variance = self.norm.running_mean, self.norm.running_var
        if mean is not None and variance is not None:
            mean.zero_()
            variance.fill_(1.0)


class TorchScript(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder)
        torch.manual_seed(0)
        self.net = Net()
        self.save(self.net, "net.pt")
        with open(self.path("tiny.toml"), encoding="utf-8") as file:
            text = file.read()
        text = text.replace("hidden = [8]", 'network = "torchscript"\nmodel = "net.pt"')
        self.text("tiny.toml", text.replace("validation_examples = 0\n", "validation_examples = 0\nnormalise = false\n"))

    def save(self, net, name):
        torch.jit.script(net).save(self.path(name))
        return name

    def inputs(self):
        images = np.concatenate([self.load("train_images.npy"), self.load("val_images.npy")])
        return torch.tensor(images, dtype=torch.float32)[:, None] / 255

    def read(self, name):
        return expunge.read_safetensors(self.path(name))

    def logits(self, net):
        with torch.no_grad():
            return net.eval()(self.inputs()).numpy()

    def test_a_trained_model_goes_in_and_an_unlearned_one_comes_out(self):
        for stage in ("train", "attribute"):
            self.succeeds(stage, "tiny.toml", "--out", "out", "--quiet")
        # The store's weights are a state_dict, and its logits the module's.
        state = self.read("out/full/weights/00001.safetensors")
        trained = Net()
        trained.load_state_dict(state, strict=False)
        self.assertEqual(set(trained.state_dict()) - set(state), set())
        np.testing.assert_allclose(self.logits(trained), self.load("out/full/logits.npy")[1], atol=1e-5)
        self.assertFalse(np.allclose(self.load("out/full/logits.npy")[0], self.load("out/full/logits.npy")[1]))

        self.save(trained, "trained.pt")
        for out in ("unlearned.pt", "unlearned.safetensors"):
            self.succeeds("unlearn", "tiny.toml", "--model", "trained.pt", "--forget", "three.txt", "--shift",
                          "out/shift-three.npy", "--out-model", out)
        unlearned = torch.jit.load(self.path("unlearned.pt"))
        change = self.logits(unlearned) - self.logits(trained)
        wanted = self.load("out/shift-three.npy")[[3, 17, 41]]
        self.assertLess(np.square(change[[3, 17, 41]] - wanted).mean(), 0.25 * np.square(wanted).mean())
        again = Net()
        again.load_state_dict(self.read("unlearned.safetensors"))
        np.testing.assert_array_equal(self.logits(again), self.logits(unlearned))

    def test_whole_experiments_run(self):
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet")
        self.assertTrue(os.path.exists(self.path("out/report.html")))
        first = cli.contents(self.path("out/full"))
        self.succeeds("train", "tiny.toml", "--out", "again", "--quiet", "--workers", 2)
        self.assertEqual(cli.contents(self.path("again/full")), first)

    def test_what_does_not_fit_is_refused(self):
        run = ("train", "tiny.toml", "--out", "out")
        self.save(Net(classes=4), "net.pt")
        self.refuses(*run, says=["net.pt", "logits of 3 classes", "got 4"])
        self.text("net.pt", "no module")
        self.refuses(*run, says=["net.pt", "TorchScript"])
        os.remove(self.path("net.pt"))
        self.refuses(*run, says="net.pt")
        self.save(torch.nn.Flatten(), "net.pt")
        self.refuses(*run, says=["net.pt", "got none"])
        torch.jit.trace(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 3)), self.inputs()[:2]).save(self.path("net.pt"))
        self.refuses(*run, says=["reset_parameters(self, seed: int)"])

    def test_methods_that_need_layers_say_so(self):
        self.succeeds("train", "tiny.toml", "--out", "out", "--quiet")
        with open(self.path("tiny.toml"), "a", encoding="utf-8") as file:
            file.write('[attribution]\nestimator = "trak"\n')
        self.succeeds("train", "tiny.toml", "--out", "other", "--quiet")
        self.refuses("attribute", "tiny.toml", "--out", "other", "--quiet", says="attribution by gradients")

    def test_files_that_do_not_go_together_are_refused(self):
        np.save(self.path("shift.npy"), np.zeros((120, 3), np.float32))
        task = ("--forget", "three.txt", "--shift", "shift.npy", "--out-model")
        self.succeeds("train", "tiny.toml", "--out", "out", "--quiet")
        with open(self.path("tiny.toml"), encoding="utf-8") as file:
            text = file.read()
        self.text("mlp.toml", text.replace('network = "torchscript"\nmodel = "net.pt"', "hidden = [8]"))
        self.succeeds("train", "mlp.toml", "--out", "mlp", "--quiet")
        self.refuses("unlearn", "mlp.toml", "--model", "mlp/full/weights/00000.safetensors", *task, "out.pt", code=2,
                     says=["--out-model", "TorchScript"])
        self.refuses("unlearn", "tiny.toml", "--model", "nothing.pt", *task, "out.pt", says="nothing.pt")
        self.text("bad.toml", text.replace('model = "net.pt"', ""))
        self.refuses("train", "bad.toml", "--out", "bad", code=2, says="model")


if __name__ == "__main__":
    cli.main()
