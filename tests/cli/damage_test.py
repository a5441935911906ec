"""Finished files that a disk or a hand changes later: expunge verify names each of them, and what is read again is
refused before anything is made of it."""
import json
import os
import random
import shutil

import cli


def flip(path, at, bit=0):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << bit)]))


class Damage(cli.Scratch):
    """One finished experiment, which tests leave as it was."""

    @classmethod
    def setUpClass(cls):
        cls.holder = cli.tempfile.TemporaryDirectory(prefix="expunge-cli-")
        cls.addClassCleanup(cls.holder.cleanup)
        cli.tiny_experiment(cls.holder.name)
        done = cli.run("run", "tiny.toml", "--out", "out", "--quiet", cwd=cls.holder.name)
        assert done.returncode == 0, done.stderr

    def setUp(self):
        super().setUp()
        shutil.copytree(self.holder.name, self.folder, dirs_exist_ok=True)

    def files(self):
        """What a finished experiment keeps, but for signs, notes and its configuration."""
        names = [name for name, digest in cli.contents(self.path("out")).items() if digest != "folder"]
        return sorted(name for name in names if not name.endswith((".crc32", "_completed.npy", "config.toml")))

    def faults(self):
        done = self.run_here("verify", "out", "--quiet", "--json")
        self.assertEqual(done.returncode, 1, done.stdout)
        for line in done.stderr.splitlines():
            self.assertRegex(line, r"\Aexpunge: [^\n]+\Z")
        found = json.loads(done.stdout)
        self.assertFalse(found["sound"])
        self.assertEqual(len(found["faults"]) + 1, len(done.stderr.splitlines()))
        return [name for name, state in found["files"].items() if state == "damaged"]

    def test_what_is_as_written_is_sound_and_nothing_is_left_out(self):
        found = json.loads(self.succeeds("verify", "out", "--quiet", "--json"))
        self.assertTrue(found["sound"])
        self.assertEqual(set(found["files"].values()), {"sound"})
        self.assertEqual(sorted(found["files"]), self.files())
        text = self.succeeds("verify", "out", "--quiet")
        self.assertIn("sound       subset/logits.npy\n", text)
        self.assertTrue(text.endswith(f"\n{len(self.files())} files as written\n"))

    def test_a_bit_of_any_file_is_noticed(self):
        moments = random.Random(20261126)
        for name in self.files():
            path = self.path(f"out/{name}")
            at = moments.randrange(os.path.getsize(path)), moments.randrange(8)
            with self.subTest(name, at=at):
                flip(path, *at)
                found = self.faults()
                self.assertIn(name, found)
                # A store's description stands for its arrays too, where their sizes no longer fit.
                self.assertLessEqual(set(found), {name, os.path.join(os.path.dirname(name), "ensemble.json")})
                flip(path, *at)
        self.succeeds("verify", "out", "--quiet")

    def test_a_file_cut_off_or_gone_is_noticed(self):
        for name in ("subset/logits.npy", "full/masks.npy", "full/ensemble.json", "dmm-three/weights/00001.safetensors",
                     "kernel.npy", "shift-three.npy", "attribution.json", "table.csv"):
            path = self.path(f"out/{name}")
            with open(path, "rb") as file:
                good = file.read()
            with self.subTest(name):
                with open(path, "wb") as file:
                    file.write(good[:-1])
                self.assertIn(name, self.faults())
                os.remove(path)
                found = self.faults()
                store = os.path.join(name.split("/")[0], "ensemble.json")
                self.assertTrue(found and set(found) <= {name, store}, found)
                with open(path, "wb") as file:
                    file.write(good)

    def test_what_is_used_again_is_refused_by_its_name(self):
        before = cli.contents(self.path("out"))
        for name, command in (("shift-three.npy", "unlearn"), ("kernel.npy", "attribute"),
                              ("dmm-three/weights/00001.safetensors", "evaluate")):
            with self.subTest(name):
                path = self.path(f"out/{name}")
                # The lowest bit of a float32, which changes nothing that anybody would see.
                flip(path, os.path.getsize(path) - 4)
                self.refuses(command, "tiny.toml", "--out", "out", "--quiet", says=[name, "damaged or changed since"])
                flip(path, os.path.getsize(path) - 4)
        # A full model is read once models are to be unlearned anew.
        shutil.rmtree(self.path("out/dmm-three"))
        path = self.path("out/full/weights/00002.safetensors")
        flip(path, os.path.getsize(path) - 4)
        done = self.run_here("unlearn", "tiny.toml", "--out", "out", "--quiet")
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertRegex(done.stderr,
                         r"\Aexpunge: out/full/weights/00002.safetensors: [^\n]*damaged or changed since\n\Z")
        flip(path, os.path.getsize(path) - 4)
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet")
        self.assertEqual(cli.contents(self.path("out")), before)

    def test_saved_datamodels_are_refused(self):
        for estimator, names in (("ridge", ("factor", "own_effects")), ("lasso", ("effects", "lambdas"))):
            command = ("removal-shift", "--masks", "out/subset/masks.npy", "--logits", "out/subset/logits.npy",
                       "--forget", "three.txt", "--estimator", estimator, "--factors", estimator, "--out", "shift.npy")
            self.succeeds(*command)
            for name in names:
                path = self.path(f"{estimator}/{name}.npy")
                flip(path, os.path.getsize(path) - 4)
                self.refuses(*command, says=[f"{estimator}/{name}.npy", "damaged or changed since"])
                self.assertIn(f"{name}.npy", self.run_here("verify", estimator, "--quiet").stderr)
                flip(path, os.path.getsize(path) - 4)
            self.succeeds(*command)

    def test_older_folders_have_no_checksums_and_go_on(self):
        for parent, folders, _ in list(os.walk(self.path("out"))):
            if "checksums" in folders:
                shutil.rmtree(os.path.join(parent, "checksums"))
        found = json.loads(self.succeeds("verify", "out", "--quiet", "--json"))
        self.assertEqual({state for name, state in found["files"].items() if "weights" not in name}, {"unchecked"})
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet")

    def test_a_removed_file_is_made_again_with_its_checksum(self):
        before = cli.contents(self.path("out"))
        for name in ("kernel.npy", "shift-three.npy", "attribution.json"):
            os.remove(self.path(f"out/{name}"))
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet")
        self.assertEqual(cli.contents(self.path("out")), before)

    def test_an_unfinished_store_is_told_from_a_damaged_one(self):
        self.succeeds("fill", "tiny.toml", "--out", "part", "--stage", "train", "--task", "1/2", "--quiet")
        text = self.succeeds("verify", "part", "--quiet")
        self.assertIn("unfinished  subset/ensemble.json\n", text)
        self.assertIn("3 stores unfinished", text)

    def test_folders_with_nothing_to_check_are_refused(self):
        self.refuses("verify", "nowhere", says="nowhere: a folder required, not there")
        os.mkdir(self.path("empty"))
        self.refuses("verify", "empty", says="empty: finished files required, none there")
        self.refuses("verify", "three.txt", says="three.txt: a folder required")


class DeskDamage(cli.Scratch):
    def test_evidence_is_checked_before_it_is_used(self):
        cli.tiny_experiment(self.folder, epochs=2, subset=20, full=20)
        self.succeeds("desk", "init", "desk", "--config", "tiny.toml", "--resamples", 20, "--oracles", 20, "--budget",
                      500, "--hard-limit", 1000, "--quiet")
        self.succeeds("verify", "desk", "--quiet")
        self.succeeds("desk", "request", "desk", "--ids", "3")
        for name in ("subset_logits.npy", "original_logits.npy", "factors/factor.npy"):
            path = self.path(f"desk/evidence/{name}")
            flip(path, os.path.getsize(path) - 4)
            done = self.run_here("desk", "process", "desk", "--quiet")
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertRegex(done.stderr, rf"\Aexpunge: desk/evidence/{name}: [^\n]*damaged or changed since[^\n]*\n\Z")
            flip(path, os.path.getsize(path) - 4)
        self.succeeds("desk", "process", "desk", "--quiet")
        # Erased rows are noted as they are now.
        self.succeeds("verify", "desk", "--quiet")


if __name__ == "__main__":
    cli.main()
