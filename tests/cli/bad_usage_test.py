"""Wrong command lines, results that cannot be written, and what of it all reaches the terminal."""
import os
import resource
import shutil
import signal
import subprocess

import cli
import numpy as np

COMMANDS = ("quickstart", "run", "train", "attribute", "unlearn", "evaluate", "report", "klom",
            "margins", "removal-shift", "doctor")


class WrongUsage(cli.Scratch):
    def wrong(self, *arguments, says):
        return self.refuses(*arguments, code=2, says=says)

    def test_command_that_is_missing_or_unknown(self):
        self.wrong(says="expunge --help")
        self.wrong("klon", "a", "b", says=["klon", 'did you mean "klom"?'])
        self.wrong("--quiet", "run", says="--quiet")
        self.wrong("--versio", says="did you mean --version?")

    def test_unknown_option_of_every_command_names_the_nearest(self):
        for command in COMMANDS:
            with self.subTest(command):
                self.wrong(command, "--jsno", says=["--jsno", "did you mean --json?"])

    def test_unknown_options_of_other_forms(self):
        self.wrong("klom", "u", "o", "--out", "k", "--bin=3", says=["--bin", "did you mean --bins?"])
        self.wrong("klom", "u", "o", "--out", "k", "--floor_probability", "1", says="did you mean --floor-probability?")
        self.wrong("klom", "u", "o", "--out", "k", "-q", says="unknown option -q")
        self.wrong("removal-shift", "--lamda", "3", says="did you mean --lambda?")
        self.wrong("unlearn", "c.toml", "--outmodel", "m", says="did you mean --out-model?")

    def test_arguments_that_are_missing_or_too_many(self):
        self.wrong("klom", says=["klom", "unlearned", "required"])
        self.wrong("klom", "u", says=["oracles", "required"])
        self.wrong("klom", "u", "o", says=["--out", "required"])
        self.wrong("klom", "u", "o", "x", "--out", "k", says=["klom", "x"])
        self.wrong("klom", "u", "o", "--out", says=["--out", "value required", "none"])
        self.wrong("klom", "u", "o", "--out", "k", "--out", "l", says="--out")
        self.wrong("run", says=["config", "required"])
        self.wrong("doctor", "now", says="now")

    def test_values_of_another_type_or_out_of_range(self):
        for name, value, says in (("--workers", "two", "whole number of at least 0"),
                                  ("--workers", "-1", "whole number of at least 0"),
                                  ("--workers", "1e3", "whole number of at least 0"),
                                  ("--workers", "99999999999999999999", "whole number of at least 0"),
                                  ("--bins", "2.5", "whole number"), ("--bins", "0", "1 to 1000"),
                                  ("--bins", "", "whole number"), ("--clip", "-1", "above 0"),
                                  ("--clip", "nan", "above 0"), ("--clip", "inf", "1e6"),
                                  ("--clip", "many", "number"), ("--floor-probability", "2", "at most 1"),
                                  ("--convention", "easydup", 'did you mean "easydub"?')):
            with self.subTest(name=name, value=value):
                # A file that is not there comes after: the options are looked at first.
                self.npy("u.npy", np.zeros((2, 2), np.float32))
                self.wrong("klom", "u.npy", "u.npy", "--out", "k.npy", name, value, says=[name[2:].split("-")[0], says])

    def test_options_of_removal_shift_out_of_range(self):
        for options, says in ((("--lambda", "0"), "above 0"), (("--lambda", "-1"), "above 0"),
                              (("--lambda", "inf"), "above 0"), (("--lambda", "much"), '"auto"'),
                              (("--lambda", "1", "--lambda-ratio", "1"), "got both"),
                              (("--prior", "selv"), 'did you mean "self"?'),
                              (("--self-variance", "1"), 'prior "self"'), (("--folds", "1"), "at least 2"),
                              (("--prior", "self", "--self-variance", "-2"), "at least 0"),
                              (("--held-out-points", "0"), "at least 1"), (("--held-out-seed", "-1"), "at least 0"),
                              (("--out", "again"), "one --out for each --forget"),
                              (("--forget", "f", "--out", "s"), "got s twice")):
            with self.subTest(options=options):
                self.wrong("removal-shift", "--masks", "m", "--logits", "z", "--forget", "f", "--out", "s",
                           *options, says=says)

    def test_flags_of_one_model_without_it_or_with_too_few(self):
        one = ("unlearn", "c.toml")
        for flag, value in (("--forget", "f"), ("--shift", "s"), ("--targets", "t"), ("--out-model", "m"),
                            ("--seed", "1")):
            self.wrong(*one, flag, value, says=[flag, "--model required"])
        self.wrong(*one, "--model", "m", says="--forget")
        self.wrong(*one, "--model", "m", "--forget", "f", "--out-model", "o", says="--shift")
        self.wrong(*one, "--model", "m", "--forget", "f", "--out-model", "o", "--shift", "s", "--targets",
                   "t", says="--shift")
        self.wrong(*one, "--model", "m", "--forget", "f", "--out-model", "o", "--shift", "s", "--out",
                   "folder", says="--out")
        self.wrong(*one, "--model", "m", "--seed", "-1", says=["--seed", "at least 0"])


class Output(cli.Scratch):
    """Each command that writes files, with inputs that are good."""

    def setUp(self):
        super().setUp()
        random = np.random.default_rng(0)
        points = 4000  # results are larger than a buffer
        self.npy("u.npy", random.normal(size=(3, points)).astype(np.float32))
        self.npy("logits.npy", random.normal(size=(6, points, 3)).astype(np.float32))
        self.npy("labels.npy", np.arange(points) % 3)
        self.npy("masks.npy", random.random((6, 20)) < 0.6)
        self.text("forget.txt", "1\n")

    def commands(self, out):
        return (("klom", "u.npy", "u.npy", "--out", out), ("margins", "logits.npy", "labels.npy", "--out", out),
                ("removal-shift", "--masks", "masks.npy", "--logits", "logits.npy", "--forget", "forget.txt",
                 "--prior", "none", "--lambda", "1", "--out", out))

    def test_folder_of_the_output_that_is_not_there(self):
        for command in self.commands("nowhere/out.npy"):
            self.refuses(*command, says=["nowhere/out.npy", "folder"])

    def test_output_that_is_a_folder_or_under_a_file(self):
        os.mkdir(self.path("out.npy"))
        for command in self.commands("out.npy"):
            self.refuses(*command, says=["out.npy", "folder"])
        for command in self.commands("u.npy/out.npy"):
            self.refuses(*command, says=["u.npy/out.npy", "folder"])

    def test_second_output_that_cannot_be_written_leaves_no_first_one(self):
        self.refuses(*self.commands("a.npy")[2], "--forget", "forget.txt", "--out", "nowhere/b.npy", says="nowhere")

    def test_factors_that_are_a_file(self):
        self.refuses(*self.commands("out.npy")[2], "--factors", "u.npy", says=["u.npy", "folder"])
        self.refuses(*self.commands("out.npy")[2], "--factors", "u.npy/f", says="u.npy/f")

    def test_file_that_grows_too_large_leaves_the_old_one(self):
        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))

        self.npy("out.npy", np.zeros(3))
        for command in self.commands("out.npy"):
            self.refuses(*command, preexec_fn=limited, says=["out.npy", "File too large"])

    def test_full_disk_leaves_the_old_file(self):
        disk = self.path("disk")
        os.mkdir(disk)
        mounted = shutil.which("mount") and os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], capture_output=True).returncode == 0
        if not mounted:
            self.skipTest("a small disk cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        self.npy("disk/out.npy", np.zeros(3))
        for command in self.commands("disk/out.npy"):
            self.refuses(*command, says=["disk/out.npy", "No space left"])

    def test_standard_output_that_is_full_is_a_failure(self):
        for arguments in (("--help",), ("--version",), ("klom", "u.npy", "u.npy", "--out", "out.npy", "--json")):
            with open("/dev/full", "w", encoding="utf-8") as full:
                process = cli.start(*arguments, cwd=self.folder, stdout=full)
                error = process.communicate()[1]
            self.assertEqual(process.returncode, 1, arguments)
            self.assertIn("expunge: standard output: cannot be written: No space left", error)

    def test_reader_that_leaves_is_no_failure(self):
        readable, writable = os.pipe()
        os.close(readable)
        process = cli.start("klom", "u.npy", "u.npy", "--out", "out.npy", cwd=self.folder, stdout=writable)
        os.close(writable)
        self.assertNotIn("standard output", process.communicate()[1])
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.load("out.npy").shape, (4000,))

    def test_names_that_are_not_utf8_or_have_control_characters(self):
        strange = os.fsdecode(b"caf\xe9-\x1b[31m\n.npy")
        self.refuses("klom", strange, "u.npy", "--out", "k.npy", says=[os.fsdecode(b"caf\xe9-?[31m?.npy")])
        shutil.copy(self.path("forget.txt"), self.path(strange))
        out = self.succeeds("removal-shift", "--masks", "masks.npy", "--logits", "logits.npy", "--forget", strange,
                            "--lambda", "1", "--prior", "none", "--out", "out.npy", "--json")
        self.assertIn(r"\u001b", out)
        self.assertEqual(self.load("out.npy").shape, (4000, 3))


if __name__ == "__main__":
    cli.main()
