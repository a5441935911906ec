"""--help and --version: what they name is so, and every option that they list is accepted."""
import os
import re
import tomllib

import cli
import numpy as np

COMMANDS = {"quickstart": "", "run": "config", "train": "config", "attribute": "config", "unlearn": "config",
            "evaluate": "config", "report": "config", "klom": "unlearned oracles", "margins": "logits labels",
            "removal-shift": "", "doctor": "", "ulira": "unlearned oracles", "sweep": "config grid",
            "reproduce": "figure", "lds": "", "scores": "", "explain": "", "mislabelled": "",
            "forecast": "config", "convex": "table", "fill": "config", "status": "experiment", "verify": "folder"}
# Commands that have commands of their own.
KINDS = {"forget-set": ("random", "class", "nearest", "principal", "ids"),
         "certified": ("train", "remove", "status"), "launch": ("slurm",),
         "import": ("datamodels", "easydub", "trak"), "export": ("datamodels", "easydub", "trak"),
         "desk": ("init", "request", "withdraw", "process", "status", "verify", "export", "erase", "serve", "rehearse")}
# What these take beside options.
KIND_ARGUMENTS = {"desk withdraw": "desk request", "desk erase": "desk part", "desk rehearse": "config"}
# Commands that compute nothing.
ALONE = {"init": "", "manual": "", "completion": "shell"}
# Those that start no threads, and those whose results are texts or pages.
WITHOUT_WORKERS = ("doctor", "status", "verify", "certified status", "desk request", "desk withdraw", "desk status", "desk verify",
                   "desk export", "desk erase", "desk serve", *ALONE)
WITHOUT_JSON = ("desk serve", "manual", "completion")


def options_in(text):
    """Long name of each option in a help text: what stands beside it."""
    entry = re.compile(r"^  (?:-\w,)?--([\w-]+)(.*(?:\n {30,}.*)*)", re.MULTILINE)
    return {name: " ".join(rest.split()) for name, rest in entry.findall(text)}


class Help(cli.Scratch):
    def help(self, *command):
        done = self.run_here(*command, "--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_top_lists_every_command_with_what_it_does(self):
        text = self.help()
        for command in (*COMMANDS, *KINDS, *ALONE):
            self.assertRegex(text, rf"(?m)^  {command} +[A-Z]\w+ ")
        listed = re.findall(r"(?m)^  ([\w-]+) {2,}\w", text.split("Subcommands:")[1])
        self.assertEqual(sorted(listed), sorted((*COMMANDS, *KINDS, *ALONE)))

    def test_short_and_long_form_are_the_same(self):
        self.assertEqual(self.succeeds("klom", "-h"), self.help("klom"))

    def test_every_command_names_its_arguments_and_every_option_with_help(self):
        kinds = {f"{command} {kind}": "desk" if command == "desk" else "" for command, names in KINDS.items()
                 for kind in names} | KIND_ARGUMENTS
        for command, positionals in (COMMANDS | kinds | ALONE).items():
            with self.subTest(command):
                text = self.help(*command.split())
                self.assertIn(f"Usage: expunge {command} [OPTIONS] {positionals}".strip(), text)
                options = options_in(text)
                self.assertEqual("json" in options, command not in WITHOUT_JSON)
                for name, rest in options.items():
                    self.assertRegex(rest, r"[a-z]{2}", f"--{name}")
                if command not in WITHOUT_WORKERS and command.split()[0] not in ("launch", "import", "export"):
                    self.assertRegex(options["workers"], r"0 for one a processor \[0\]$")

    def test_units_and_defaults_are_named(self):
        expected = {
            "klom": {"bins": "in count (whole number) [20]", "clip": "in nats (number) [100.0]",
                     "floor-probability": "(number) [1e-05]", "convention": '(corrected | easydub) ["corrected"]',
                     "out": "float64 .npy, nats"},
            "margins": {"out": "float32 .npy, nats"},
            "removal-shift": {"prior": '(auto | own | adaptive | local | self | none) ["auto"]', "lambda": '["auto"]',
                              "lambda-ratio": "in units of n alpha (1 - alpha)", "self-variance": "auto: 0.03 n",
                              "folds": "in folds (whole number) [5]", "held-out-points": "in points (whole number) [1000]",
                              "held-out-seed": "[0]", "out": "(m, C) float32 .npy"},
            "run": {"out": "[runs/<name>]"}, "quickstart": {"out": "[runs/quickstart]"}, "unlearn": {"seed": "[0]"},
        }
        for command, options in expected.items():
            listed = options_in(self.help(command))
            for name, text in options.items():
                self.assertIn(text, listed[name], f"{command} --{name}")

    def test_version_is_one_line(self):
        self.assertRegex(self.succeeds("--version"), r"\Aexpunge \d+\.\d+\.\d+\n\Z")

    def test_run_lists_every_key_of_a_configuration_as_a_file_that_is_one(self):
        text = self.help("run")
        start = re.search(r"(?m)^# The experiment", text).start()
        keys = tomllib.loads(text[start:])
        for table, key, value in (("data", "train_examples", 2000), ("recipe", "batch_size", 50),
                                  ("ensembles", "alpha", 0.8), ("attribution", "lambda", "auto"),
                                  ("matching", "engine", "kernel"), ("evaluation", "bins", 20)):
            self.assertEqual(keys[table][key], value)
        self.assertRegex(text, r"(?m)^# training examples, the first ones; 0 for all \(whole number, examples\)\n"
                               r"train_examples = 2000$")
        # As it stands but for where the data are: the program reads it as it reads any other.
        cli.tiny_experiment(self.folder)
        small = {"format": '"npy"', "path": f'"{self.folder}"', "train_examples": 0, "validation_examples": 0,
                 "file": '"three.txt"', "hidden": "[4]", "epochs": 1, "subset_models": 5, "full_models": 2,
                 "oracle_models": 4}
        toml = text[start:]
        for key, value in small.items():
            toml, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", toml, count=1)
            self.assertEqual(count, 1, key)
        self.text("all.toml", toml)
        self.succeeds("train", "all.toml", "--out", "out", "--quiet")


@cli.many_starts
class EveryOption(cli.Scratch):
    """An option that is listed works: with a good value no command refuses it."""

    def values(self, text, good):
        for name, rest in options_in(text).items():
            if name == "help" or "REQUIRED" in rest.split()[:4]:
                continue
            takes_value = not rest or rest[0] == "T" or rest.startswith(("TEXT", "INT")) or "(" in rest
            yield ["--" + name] + ([str(good[name])] if name in good and takes_value else [])

    def accepts_all(self, command, good):
        text = cli.run(*command[:2 if command[0] in KINDS else 1], "--help").stdout
        names = set()
        for option in self.values(text, good):
            names.add(option[0][2:])
            with self.subTest(command=command[0], option=option):
                self.succeeds(*command, *option)
        self.assertLessEqual(set(good), names)

    def test_klom_and_margins(self):
        random = np.random.default_rng(0)
        self.npy("u.npy", random.normal(size=(3, 5)).astype(np.float32))
        self.npy("z.npy", random.normal(size=(3, 5, 2)).astype(np.float32))
        self.npy("y.npy", np.arange(5) % 2)
        self.accepts_all(("klom", "u.npy", "u.npy", "--out", "k.npy"),
                         {"floor": "u.npy", "workers": 2, "convention": "easydub", "bins": 5, "clip": "1e2",
                          "floor-probability": "0.5"})
        self.accepts_all(("margins", "z.npy", "y.npy", "--out", "m.npy"), {"workers": 1})

    def test_removal_shift(self):
        random = np.random.default_rng(0)
        self.npy("a.npy", random.random((8, 4)) < 0.6)
        self.npy("z.npy", random.normal(size=(8, 5, 2)).astype(np.float32))
        self.text("f.txt", "1\n")
        self.accepts_all(("removal-shift", "--masks", "a.npy", "--logits", "z.npy", "--forget", "f.txt", "--out",
                          "s.npy"),
                         {"factors": "factors", "workers": 1, "prior": "self", "lambda": 2, "lambda-ratio": "auto",
                          "self-variance": "auto", "folds": 2, "held-out-points": 3, "held-out-seed": 9,
                          "estimator": "ridge", "lasso-choice": "each", "lasso-lambda": "auto",
                          "lasso-held-out": 0.3, "lasso-path-steps": 3, "lasso-path-end": 0.1,
                          "lasso-tolerance": 0.01})

    def test_experiment_commands(self):
        cli.tiny_experiment(self.folder, epochs=1, subset=5, full=2, oracles=4)
        self.succeeds("run", "tiny.toml", "--quiet")
        for command in ("run", "train", "attribute", "evaluate", "report"):
            self.accepts_all((command, "tiny.toml"), {"out": "runs/tiny", "workers": 2, "device": "cpu",
                                                      "precision": "float32"})
        one = {"--model": "runs/tiny/full/weights/00000.safetensors", "--forget": "three.txt",
               "--shift": "runs/tiny/shift-three.npy", "--out-model": "m.safetensors", "--seed": 3}
        self.succeeds("unlearn", "tiny.toml", *[word for pair in one.items() for word in pair], "--quiet", "--json",
                      "--workers", 1, "--device", "cpu", "--precision", "float32")
        self.npy("t.npy", np.zeros((120, 3), np.float32))
        del one["--shift"]
        self.succeeds("unlearn", "tiny.toml", "--targets", "t.npy", *[word for pair in one.items() for word in pair])
        listed = set(options_in(cli.run("unlearn", "--help").stdout))
        self.assertEqual(listed, {name[2:] for name in one} | {"help", "shift", "targets", "out", "quiet", "json",
                                                               "workers", "device", "precision"})

    def test_desk(self):
        cli.tiny_experiment(self.folder, epochs=1, subset=20, full=20)
        self.text("people.csv", "user\n" + "".join(f"p{i}\n" for i in range(80)))
        init = {"config": "tiny.toml", "experiment": "runs/tiny", "keys": "people.csv", "key-column": "user",
                "model": 1, "hold": "newest", "seed": 3, "resamples": 20, "oracles": 20, "budget": 500,
                "hard-limit": 1000, "device": "cpu", "precision": "float32", "workers": 2}
        flags = [word for name, value in init.items() for word in ("--" + name, value)]
        self.succeeds("desk", "init", "desk", *flags, "--quiet", "--json")
        self.assertEqual(set(options_in(cli.run("desk", "init", "--help").stdout)),
                         set(init) | {"help", "quiet", "json"})
        for option in (("--ids", "1,2"), ("--key", "p3"), ("--ids", "7", "--receipt", "receipt-7")):
            self.succeeds("desk", "request", "desk", *option, "--json", "--quiet")
        self.text("four.txt", "4\n")
        self.succeeds("desk", "request", "desk", "--file", "four.txt")
        self.assertEqual(set(options_in(cli.run("desk", "request", "--help").stdout)),
                         {"help", "ids", "file", "key", "receipt", "quiet", "json"})
        self.accepts_all(("desk", "process", "desk"), {"count": 1, "workers": 2})
        for command in (("status", "desk"), ("verify", "desk", "--public-key", "desk/public.pem"),
                        ("export", "desk", "--out", "out"), ("erase", "desk", "older", "--wait")):
            self.succeeds("desk", *command, "--json", "--quiet")

    def test_quickstart(self):
        # Only whether the options are understood: the experiment itself takes longer than a test may.
        os.mkdir(self.path("taken"))
        self.text("taken/config.toml", "other\n")
        done = self.run_here("quickstart", "--out", "taken", "--workers", 2, "--device", "cpu", "--precision",
                             "float32", "--quiet", "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(os.listdir(self.path("taken")), ["config.toml"])
        listed = set(options_in(cli.run("quickstart", "--help").stdout))
        self.assertEqual(listed, {"help", "out", "workers", "device", "precision", "quiet", "json"})


if __name__ == "__main__":
    cli.main()
