"""Configurations, data sets, experiments' folders and models that run and its stages must refuse."""
import os
import re
import resource
import shutil
import signal

import cli
import numpy as np


class Configurations(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder)
        with open(self.path("tiny.toml"), encoding="utf-8") as file:
            self.good = file.read()

    def refuses_file(self, text, says, code=2):
        with self.subTest(says=says):
            self.text("bad.toml", text)
            self.refuses("run", "bad.toml", "--out", "out", "--quiet", code=code, says=says)

    def changed(self, old, new):
        self.assertEqual(self.good.count(old), 1, old)
        return self.good.replace(old, new)

    def test_unknown_keys_and_tables_name_the_nearest_with_their_line(self):
        for old, new, says in (("epochs", "epoch", ["bad.toml:9", '"epoch"', 'did you mean "epochs"?']),
                               ("[recipe]", "[recipes]", ["bad.toml:7", "[recipes]", "did you mean [recipe]?"]),
                               ('name = "tiny"', 'nam = "tiny"', ["bad.toml:1", '"nam"', 'did you mean "name"?']),
                               ("[[forget_set]]", "[[forgetset]]", ["[forgetset]", "did you mean [forget_set]?"]),
                               ("resamples", "resample", ['"resample"', 'did you mean "resamples"?']),
                               ('file = "three.txt"', 'fiel = "three.txt"', ['"fiel"', 'did you mean "file"?'])):
            self.refuses_file(self.changed(old, new), says)

    def test_values_of_another_type_or_out_of_range_name_the_option(self):
        for old, new, says in (("epochs = 3", "epochs = 0", "epochs"), ("epochs = 3", 'epochs = "3"', "epochs"),
                               ("epochs = 3", "epochs = 3.5", "epochs"), ("epochs = 3", "epochs = true", "epochs"),
                               ("epochs = 3", "epochs = [3]", "epochs"), ("epochs = 3", "epochs = {a = 1}", "epochs"),
                               ("epochs = 3", "epochs = 1979-05-27", "epochs"),
                               ("batch_size = 20", "batch_size = -1", "batch_size"),
                               ("hidden = [8]", "hidden = [8, 0]", "hidden"),
                               ("hidden = [8]", "hidden = [[8]]", "hidden"),
                               ("hidden = [8]", 'hidden = [8]\nnetwork = "mpl"', 'did you mean "mlp"?'),
                               ("hidden = [8]", "hidden = [8]\nmomentum = 1", "momentum"),
                               ("hidden = [8]", "hidden = [8]\npeak_learning_rate = nan", "peak_learning_rate"),
                               ("subset_models = 10", "subset_models = 1", "subset_models"),
                               ("subset_models = 10", "subset_models = 10\nalpha = 1.5", "alpha"),
                               ("subset_models = 10", "subset_models = 10\nseed = -1", "seed"),
                               ("oracle_models = 4", "oracle_models = 3", "oracle_models"),
                               ("resamples = 50", "resamples = -1", "resamples"),
                               ("train_examples = 0", "train_examples = -1", "train_examples"),
                               ('format = "npy"', 'format = "numpy"', 'did you mean "npy"?'),
                               ('name = "tiny"', 'name = "../tiny"', "name"), ('name = "tiny"', "name = 3", "name"),
                               ('name = "three"', 'name = ".."', "name"),
                               ('file = "three.txt"', "", "file required")):
            self.refuses_file(self.changed(old, new), says)

    def test_forget_sets_and_tables_that_are_none_or_there_twice(self):
        self.refuses_file(self.good[:self.good.index("[[forget_set]]")], "at least one [[forget_set]]")
        self.refuses_file(self.good + '[[forget_set]]\nname = "three"\nfile = "three.txt"\n', ["two", '"three"'])
        self.refuses_file("data = 3\n" + self.good, "data", code=1)

    def test_files_that_are_no_toml(self):
        for text, line in (("name = \n", 1), ("[data\n", 1), (self.good + "epochs\n", 20), ("name = \"a\nb\"", 1),
                           ("a = 1\na = 2\n", 2), ("x = " + "[" * 5000, 1), ("\x00\x01\x02", 1)):
            self.refuses_file(text, f"bad.toml:{line}", code=1)
        with open(self.path("bad.toml"), "wb") as file:
            file.write(b"\x93NUMPY\x01\x00\xff\xfe")
        self.refuses("run", "bad.toml", "--out", "out", says="bad.toml:1")
        self.refuses("run", "nowhere.toml", "--out", "out", says=["nowhere.toml", "No such file"])
        self.refuses("run", ".", "--out", "out", says="directory")

    def test_forget_set_files(self):
        for text, says in (("3\n3\n", "three.txt:2"), ("80\n", "0 to 79"), ("", "at least one"), ("x\n", "whole number"),
                           ("".join(f"{i}\n" for i in range(80)), "all 80")):
            self.text("three.txt", text)
            self.refuses("run", "tiny.toml", "--out", "out", "--quiet", says=["three.txt", says])
        os.remove(self.path("three.txt"))
        self.refuses("run", "tiny.toml", "--out", "out", "--quiet", says=["three.txt", "No such file"])

    def test_data_sets(self):
        images, labels = (self.load(f"train_{part}.npy") for part in ("images", "labels"))
        floats = images.astype(np.float32)
        floats[7, 2, 2] = np.nan
        for name, bad, says in (("train_images", images[:-1], "as many labels as images"),
                                ("train_images", images.astype(np.int32), "uint8 or float32"),
                                ("train_images", images[:, 0, 0], "(80)"),
                                ("train_images", images[:, :5], "one size"),
                                ("train_images", floats, "7"),
                                ("train_images", images.astype(np.float32), "dtype"),
                                ("train_labels", labels.astype(np.float32), "whole numbers"),
                                ("train_labels", np.where(np.arange(80) == 5, -1, labels), "-1"),
                                ("train_labels", np.where(np.arange(80) == 5, 2**40, labels), "labels"),
                                ("train_labels", labels[:, None], "(80, 1)"),
                                ("train_images", images[:0], "train")):
            with self.subTest(name=name, says=says):
                shutil.copy(self.path(f"{name}.npy"), self.path("good"))
                self.npy(f"{name}.npy", bad)
                self.refuses("run", "tiny.toml", "--out", "out", "--quiet", says=says)
                os.replace(self.path("good"), self.path(f"{name}.npy"))
        self.text("bad.toml", self.changed("train_examples = 0", "train_examples = 81"))
        self.refuses("run", "bad.toml", "--out", "out", says=["81", "80"])
        self.text("bad.toml", self.changed(f'path = "{self.folder}"', 'path = "nowhere"'))
        self.refuses("run", "bad.toml", "--out", "out", says=["nowhere", "No such file"])

    def test_stages_before_what_they_need_leave_no_folder_behind(self):
        for stage in ("attribute", "unlearn", "evaluate", "report"):
            self.refuses(stage, "tiny.toml", "--out", "out", "--quiet", says=["out", "expunge train"])

    def test_stages_out_of_order_name_the_command_that_is_missing(self):
        self.succeeds("train", "tiny.toml", "--out", "out", "--quiet")
        for stage, says in (("unlearn", ["out/shift-three.npy", "expunge attribute"]),
                            ("evaluate", ["out/shift-three.npy", "expunge attribute"])):
            self.refuses(stage, "tiny.toml", "--out", "out", "--quiet", says=says)
        self.succeeds("attribute", "tiny.toml", "--out", "out", "--quiet")
        self.refuses("evaluate", "tiny.toml", "--out", "out", "--quiet", says=["out/dmm-three", "expunge unlearn"])

    def test_folder_that_cannot_be_made(self):
        self.refuses("run", "tiny.toml", "--out", "tiny.toml", "--quiet", says="tiny.toml")
        self.refuses("run", "tiny.toml", "--out", "tiny.toml/out", "--quiet", says="tiny.toml/out")

    def test_network_larger_than_any_memory(self):
        self.text("bad.toml", self.changed("hidden = [8]", "hidden = [1000000, 1000000]"))
        # AddressSanitizer would end the program where others say that there is no memory; it warns.
        environment = os.environ | {"ASAN_OPTIONS": "allocator_may_return_null=1"}
        error = self.run_here("train", "bad.toml", "--out", "out", "--quiet", env=environment).stderr
        error = re.sub(r"==\d+==WARNING: AddressSanitizer failed to allocate[^\n]*\n", "", error)
        self.assertRegex(error, r"\Aexpunge: [^\n]*memory[^\n]*\n\Z")


class Folders(cli.Scratch):
    """An experiment that is done, and what may be wrong with it afterwards."""

    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder)
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet")

    def test_another_configuration_is_refused_with_the_first_difference(self):
        with open(self.path("tiny.toml"), encoding="utf-8") as file:
            text = file.read()
        self.text("other.toml", text.replace("epochs = 3", "epochs = 4"))
        for command in ("run", "train", "attribute", "unlearn", "evaluate", "report"):
            self.refuses(command, "other.toml", "--out", "out", "--quiet", says=["out", "epochs = 3 there", "epochs = 4 now"])

    def test_another_data_set_or_forget_set_is_refused(self):
        cli.tiny_data(self.folder, seed=1)
        self.refuses("run", "tiny.toml", "--out", "out", "--quiet", says=["out/subset", "data"])
        cli.tiny_data(self.folder)
        self.text("three.txt", "3\n17\n42\n")
        self.refuses("run", "tiny.toml", "--out", "out", "--quiet", says=["oracle-three", "excluded"])

    def test_damaged_files_are_named(self):
        for name, bad, command in (("full/ensemble.json", b"{", "unlearn"), ("full/ensemble.json", b"[1]", "evaluate"),
                                   ("subset/ensemble.json", b"", "attribute"),
                                   ("subset/logits.npy", None, "attribute"), ("subset/masks.npy", b"\x93NUMPY", "attribute"),
                                   ("subset/_completed.npy", b"", "train"), ("oracle-three/logits.npy", None, "evaluate"),
                                   ("shift-three.npy", None, "evaluate"), ("shift-three.npy", b"", "unlearn"),
                                   ("attribution.json", b"{", "evaluate"), ("attribution.json", b"[]", "report"),
                                   ("dmm-three/weights/00001.safetensors", None, "evaluate"),
                                   ("dmm-three/weights/00000.safetensors", b"\xff" * 64, "evaluate"),
                                   ("full/_completed.npy", b"\x93NUMPY", "run")):
            with self.subTest(name=name, command=command, bad=bad):
                path = self.path(f"out/{name}")
                with open(path, "rb") as file:
                    good = file.read()
                with open(path, "wb") as file:
                    file.write(good[:-1] if bad is None else bad)
                self.refuses(command, "tiny.toml", "--out", "out", "--quiet", says=name)
                os.remove(path)
                if "ensemble.json" not in name and "_completed" not in name:
                    self.refuses(command, "tiny.toml", "--out", "out", "--quiet", says=name)
                with open(path, "wb") as file:
                    file.write(good)

    def test_disk_that_fills_up_while_training_keeps_what_was_finished(self):
        def limited(size):
            def limit():
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            return limit

        for size in (0, 100, 3000, 10000):
            done = self.run_here("run", "tiny.toml", "--out", "full-disk", "--quiet", preexec_fn=limited(size))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, r"\Aexpunge: full-disk[^\n]*File too large\n\Z")
            self.assertEqual([name for name in cli.contents(self.folder) if name.endswith(".tmp")], [])
        self.succeeds("run", "tiny.toml", "--out", "full-disk", "--quiet")
        for name in ("subset/logits.npy", "shift-three.npy", "dmm-three/logits.npy", "table.csv"):
            self.assertEqual(cli.contents(self.path("out"))[name], cli.contents(self.path("full-disk"))[name], name)

    def test_one_model_of_wrong_files(self):
        good = {"--model": "out/full/weights/00000.safetensors", "--forget": "three.txt",
                "--shift": "out/shift-three.npy", "--out-model": "new.safetensors"}
        shift = self.load("out/shift-three.npy")
        self.npy("short.npy", shift[:-1])
        self.npy("wide.npy", np.zeros((120, 4), np.float32))
        self.npy("nan.npy", np.full_like(shift, np.nan))
        self.text("twice.txt", "3\n3\n")
        with open(self.path(good["--model"]), "rb") as file:
            model = file.read()
        with open(self.path("cut.safetensors"), "wb") as file:
            file.write(model[:-1])
        cases = [("--model", "nowhere", ["nowhere", "No such file"]), ("--model", "three.txt", ["three.txt"]),
                 ("--model", "cut.safetensors", ["cut.safetensors", "bytes"]), ("--model", ".", ["directory"]),
                 ("--forget", "twice.txt", ["twice.txt:2"]), ("--forget", "nowhere", ["nowhere"]),
                 ("--shift", "short.npy", ["short.npy", "(120, 3)", "(119, 3)"]),
                 ("--shift", "wide.npy", ["wide.npy", "(120, 4)"]), ("--shift", "three.txt", ["three.txt", "npy"]),
                 ("--shift", "nan.npy", ["nan.npy", "finite"]), ("--out-model", "no/new", ["no/new", "folder"]),
                 ("--out-model", "out", ["out", "folder"])]
        # Models of other data: another image size, other classes, another normalisation.
        for name, change in (("size", lambda x, y: (x[:, :4, :4], y)), ("classes", lambda x, y: (x, y % 2)),
                             ("brightness", lambda x, y: (x // 2, y))):
            os.mkdir(self.path(name))
            cli.tiny_experiment(self.path(name))
            for part in ("train", "val"):
                files = [self.path(f"{name}/{part}_{kind}.npy") for kind in ("images", "labels")]
                for file, array in zip(files, change(*map(np.load, files))):
                    np.save(file, array)
            self.succeeds("train", f"{name}/tiny.toml", "--out", f"{name}/out", "--quiet")
            model = f"{name}/out/full/weights/00000.safetensors"
            cases.append(("--model", model, [model, "other data" if name == "brightness" else "classes as in the data"]))
        for flag, value, says in cases:
            with self.subTest(flag=flag, value=value):
                words = [word for pair in (good | {flag: value}).items() for word in pair]
                self.refuses("unlearn", "tiny.toml", *words, says=says)


if __name__ == "__main__":
    cli.main()
