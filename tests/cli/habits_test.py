"""expunge init, manual and completion: what they write is so, and shells make of it what they should."""
import os
import re
import shutil
import subprocess
import tomllib

import cli

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Init(cli.Scratch):
    def test_it_writes_every_key_with_what_it_means(self):
        out = self.succeeds("init")
        self.assertIn("expunge run expunge.toml", out)
        with open(self.path("expunge.toml"), encoding="utf-8") as file:
            text = file.read()
        keys = tomllib.loads(text)
        shown = self.succeeds("run", "--help")
        listed = tomllib.loads(shown[re.search(r"(?m)^# The experiment", shown).start():])
        self.assertEqual({name for name in keys}, {name for name in listed})
        for table in ("data", "recipe", "ensembles", "attribution", "matching", "evaluation"):
            self.assertEqual(keys[table], listed[table])
        lines = text.splitlines()
        for i, line in enumerate(lines):
            if re.match(r"\w+ = ", line):
                self.assertTrue(lines[i - 1].startswith("# "), line)

    def test_what_it_writes_runs_once_data_and_forget_set_are_named(self):
        cli.tiny_experiment(self.folder)
        self.succeeds("init", "small.toml")
        with open(self.path("small.toml"), encoding="utf-8") as file:
            text = file.read()
        small = {"format": '"npy"', "path": f'"{self.folder}"', "train_examples": 0, "validation_examples": 0,
                 "hidden": "[4]", "epochs": 1, "subset_models": 5, "full_models": 2, "oracle_models": 4}
        for key, value in small.items():
            text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text, count=1)
            self.assertEqual(count, 1, key)
        self.text("small.toml", text)
        self.refuses("train", "small.toml", "--quiet", says="forget.txt")
        self.text("forget.txt", "3\n")
        self.succeeds("train", "small.toml", "--quiet")

    def test_a_file_that_is_there_is_left_alone(self):
        self.text("expunge.toml", "mine\n")
        self.refuses("init", says="expunge.toml: a name that is free required")
        self.refuses("init", "no/folder/x.toml", says="no/folder")


class Manual(cli.Scratch):
    def test_the_page_in_docs_is_this_programs(self):
        with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as file:
            page = file.read()
        self.assertEqual(page, self.succeeds("manual"), "expunge manual > docs/cli.md")

    @cli.many_starts
    def test_it_has_every_option_that_help_has(self):
        page = self.succeeds("manual", "--format", "markdown")
        sections = {name: body for name, body in re.findall(r"(?ms)^#{2,3} expunge ([\w -]+)\n(.*?)(?=^##|\Z)", page)}
        top = re.findall(r"(?m)^  ([\w-]+) {2,}\w", self.succeeds("--help").split("Subcommands:")[1])
        commands = list(top)
        for command in top:
            kinds = self.succeeds(command, "--help").split("Subcommands:")[1:]
            commands += [f"{command} {kind}" for part in kinds for kind in re.findall(r"(?m)^  ([\w-]+) {2,}\w", part)]
        self.assertEqual(sorted(sections), sorted(commands))
        for command in commands:
            listed = set(re.findall(r"(?m)^  (?:-\w,)?(--[\w-]+)", self.succeeds(*command.split(), "--help")))
            named = set(re.findall(r"(?m)^\| `(?:-\w, )?(--[\w-]+)`", sections[command]))
            self.assertEqual(named | {"--help"}, listed, command)

    def test_man_takes_the_page_without_complaint(self):
        page = self.succeeds("manual", "--format", "man")
        for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", '"EXIT STATUS"'):
            self.assertRegex(page, rf'(?m)^\.SH "?{section.strip(chr(34))}"?$')
        if not shutil.which("groff"):
            self.skipTest("groff is not installed")
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True,
                              check=True)
        self.assertEqual(done.stderr, "")
        shown = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou"], input=page, capture_output=True, text=True,
                               check=True).stdout
        self.assertIn("expunge klom [OPTIONS] unlearned oracles", shown)
        self.assertIn("--floor-probability", shown)

    def test_an_unknown_format_is_refused(self):
        self.refuses("manual", "--format", "html", code=2, says="html")


class Completion(cli.Scratch):
    def completed(self, shell, script):
        path = self.text(f"complete.{shell}", self.succeeds("completion", shell))
        return subprocess.run([shell, "-c", script.replace("SCRIPT", path)], cwd=self.folder, capture_output=True,
                              text=True, timeout=60)

    def bash(self, *words):
        array = " ".join(f"'{word}'" for word in words)
        done = self.completed("bash", f"""source SCRIPT
COMP_WORDS=({array}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_expunge; printf '%s\\n' "${{COMPREPLY[@]}}" """)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash(self):
        self.assertEqual(self.bash("expunge", "ko"), [])
        self.assertEqual(self.bash("expunge", "kl"), ["klom"])
        self.assertIn("forget-set", self.bash("expunge", ""))
        self.assertEqual(self.bash("expunge", "klom", "--fl"), ["--floor", "--floor-probability"])
        self.assertEqual(self.bash("expunge", "klom", "--convention", ""), ["corrected", "easydub"])
        self.assertEqual(sorted(self.bash("expunge", "forget-set", "")[:5]),
                         ["class", "ids", "nearest", "principal", "random"])
        self.assertEqual(self.bash("expunge", "forget-set", "random", "--see"), ["--seed"])
        self.assertEqual(self.bash("expunge", "completion", "--h"), ["--help"])
        self.text("results.npy", "")
        self.assertEqual(self.bash("expunge", "klom", "res"), ["results.npy"])
        self.assertEqual(self.bash("expunge", "klom", "a.npy", "--out", "res"), ["results.npy"])

    def test_zsh(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        # Its functions are defined without fault, one for each command.
        done = self.completed("zsh", "autoload -U compinit; compinit -u -d .zcompdump; source SCRIPT; "
                                     "print -l ${(k)functions} | grep -c '^_expunge'; print $_comps[expunge]")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        count, bound = done.stdout.split()
        self.assertEqual(bound, "_expunge")
        self.assertEqual(int(count), 1 + len(re.findall(r"(?m)^#{2,3} expunge ", self.succeeds("manual"))))

    def test_fish(self):
        if not shutil.which("fish"):
            self.skipTest("fish is not installed")
        done = self.completed("fish", "source SCRIPT; complete -C 'expunge klom --fl'; complete -C 'expunge kl'; "
                                      "complete -C 'expunge klom --convention '; complete -C 'expunge launch s'")
        self.assertEqual(done.stderr, "")
        words = [line.split("\t")[0] for line in done.stdout.splitlines()]
        self.assertEqual(words, ["--floor", "--floor-probability", "klom", "corrected", "easydub", "slurm"])

    def test_an_unknown_shell_is_refused(self):
        self.refuses("completion", "tcsh", code=2, says="tcsh")
        self.refuses("completion", code=2, says="shell required")


if __name__ == "__main__":
    cli.main()
