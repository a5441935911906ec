"""What the tests of the command line share: starting the program, scratch folders, arrays in files,
a tiny data set, and what every refusal must look like.

Each test file is a program: FILE PROGRAM [unittest's arguments].
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

PROGRAM = ""

# scripts/analyse: a sanitizer takes terabytes of address space and file descriptors of its own, and its library must be the
# first that is loaded.
unsanitized = unittest.skipIf(os.environ.get("EXPUNGE_SANITIZED"), "not under a sanitizer")
# Starts take twice as long there; what these tests start hundreds of times, others start too.
many_starts = unittest.skipIf(os.environ.get("EXPUNGE_SANITIZED"), "hundreds of starts under a sanitizer")

# How an exception's own text begins where nobody has put the fault into words.
UNWORDED = r"\Aexpunge: (filesystem error|std::|basic_|vector|map|sto|invalid|bad_|\[enforce|\[json|\w+::)"


def main():
    global PROGRAM
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(f"usage: {sys.argv[0]} PROGRAM [unittest's arguments]")
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    # The helper's globals are those of the module `cli`, not of the file that was started.
    unittest.main(module="__main__")


def start(*arguments, **keywords):
    """The program at work, a subprocess.Popen."""
    keywords.setdefault("stdout", subprocess.PIPE)
    keywords.setdefault("stderr", subprocess.PIPE)
    if "preexec_fn" in keywords:  # a limit, which writing down what lines were reached is not to meet
        keywords["env"] = {**(keywords.get("env") or os.environ), "LLVM_PROFILE_FILE": os.devnull}
    return subprocess.Popen([PROGRAM, *map(str, arguments)], text=True, errors="surrogateescape",
                            stdin=subprocess.DEVNULL, **keywords)


def run(*arguments, timeout=300, **keywords):
    """The program's exit code, standard output and standard error, once it is done."""
    with start(*arguments, **keywords) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def contents(folder):
    """Every file and folder below `folder`, with a digest of each file's bytes."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in folders:
            found[os.path.relpath(os.path.join(parent, name), folder)] = "folder"
        for name in files:
            path = os.path.join(parent, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


class Scratch(unittest.TestCase):
    """A test with a folder of its own, in which the program runs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="expunge-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def npy(self, name, array):
        np.save(self.path(name), array)
        return name

    def text(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return name

    def load(self, name):
        return np.load(self.path(name))

    def run_here(self, *arguments, **keywords):
        return run(*arguments, cwd=self.folder, **keywords)

    def succeeds(self, *arguments, **keywords):
        """Standard output of a run that must succeed."""
        done = self.run_here(*arguments, **keywords)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done.stdout

    def refuses(self, *arguments, code=1, says=(), **keywords):
        """A run that must fail with `code`, say so in one line with every text of `says` in it, and
        leave the folder as it was. Returns the line."""
        before = contents(self.folder)
        done = self.run_here(*arguments, **keywords)
        about = f"{' '.join(map(str, arguments))}\nstdout: {done.stdout!r}\nstderr: {done.stderr!r}"
        self.assertEqual(done.returncode, code, about)
        self.assertEqual(done.stdout, "", about)
        self.assertRegex(done.stderr, r"\Aexpunge: [^\n]+\n\Z", about)
        self.assertNotRegex(done.stderr, r"[\x00-\x09\x0b-\x1f\x7f]", about)
        self.assertLess(len(done.stderr), 600, about)
        self.assertNotRegex(done.stderr, UNWORDED, about)
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, done.stderr, about)
        self.assertEqual(contents(self.folder), before, about)
        return done.stderr


def tiny_data(folder, train=80, validation=40, seed=0):
    """NumPy pairs of 6 x 6 images of 3 classes, which a small network learns but not perfectly."""
    random = np.random.default_rng(seed)
    for part, count in (("train", train), ("val", validation)):
        labels = random.integers(0, 3, count)
        images = random.integers(0, 120, (count, 6, 6))
        for image, label in zip(images, labels):
            image[2 * label:2 * label + 2] += 60
        np.save(os.path.join(folder, f"{part}_images.npy"), images.astype(np.uint8))
        np.save(os.path.join(folder, f"{part}_labels.npy"), labels)


TINY = """name = "tiny"
[data]
format = "npy"
path = "{folder}"
train_examples = 0
validation_examples = 0
[recipe]
hidden = [8]
epochs = {epochs}
batch_size = 20
[ensembles]
subset_models = {subset}
full_models = {full}
oracle_models = {oracles}
[evaluation]
resamples = 50
[[forget_set]]
name = "three"
file = "three.txt"
"""


def tiny_experiment(folder, epochs=3, subset=10, full=4, oracles=4):
    """tiny.toml with its data and forget set, in `folder`."""
    tiny_data(folder)
    with open(os.path.join(folder, "three.txt"), "w", encoding="utf-8") as file:
        file.write("3\n17\n41\n")
    with open(os.path.join(folder, "tiny.toml"), "w", encoding="utf-8") as file:
        file.write(TINY.format(folder=folder, epochs=epochs, subset=subset, full=full, oracles=oracles))
