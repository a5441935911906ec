"""Disks that are full, may not be written, or take files up to a size: what was finished stays, one line says what is
the matter, and the same command goes on to the bytes of an undisturbed run."""
import json
import os
import resource
import shutil
import subprocess

import cli


def results(folder):
    """But for the page, which names the folder."""
    return {name: digest for name, digest in cli.contents(folder).items()
            if digest != "folder" and "report.html" not in name}


def mounts():
    """Why nothing can be mounted here; empty where it can."""
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("mount") or not shutil.which("unshare"):
        return "needs mount and unshare"
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
    return "nothing can be mounted here" if tried.returncode else ""


# The program with a folder that it may only read, in a mount namespace of its own. $0 is the folder.
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


class DiskFaults(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder)

    def whole(self):
        self.succeeds("run", "tiny.toml", "--out", "whole", "--quiet")
        return results(self.path("whole"))

    def one_line(self, done, *says):
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Aexpunge: [^\n]+\n\Z")
        for text in says:
            self.assertIn(text, done.stderr)

    def test_a_disk_that_fills_up_and_is_given_more_room(self):
        if mounts():
            self.skipTest(mounts())
        expected = self.whole()
        disk = self.path("disk")
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        done, kept = 0, set()
        for size in range(24, 1000, 24):
            subprocess.run(["mount", "-o", f"remount,size={size}k", disk], check=True)
            process = self.run_here("run", "tiny.toml", "--out", "disk/out", "--quiet", "--workers", 2)
            if process.returncode == 0:
                break
            done += 1
            self.one_line(process, "disk/out", "No space left on device")
            # What was there is there, but for shards, whose rows are then in the arrays.
            there = {name for name in results(disk) if "/shards/" not in name}
            self.assertEqual([name for name in there if name.endswith(".tmp")], [])
            self.assertLessEqual(kept, there)
            kept = there
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertGreater(done, 5)
        self.assertEqual(results(self.path("disk/out")), expected)

    def test_files_that_may_not_grow_are_no_signal(self):
        # As `ulimit -f` has it: a signal would end the program without a word.
        expected = self.whole()
        for size in (0, 100, 3000, 6000):
            done = self.run_here("run", "tiny.toml", "--out", "out", "--quiet",
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
            self.one_line(done, "out", "File too large")
        self.succeeds("run", "tiny.toml", "--out", "out", "--quiet")
        self.assertEqual(results(self.path("out")), expected)

    def read_only(self, folder, *arguments):
        done = subprocess.run(["unshare", "-m", "sh", "-c", READ_ONLY, folder, cli.PROGRAM, *map(str, arguments)],
                              cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
        return done

    def test_a_folder_that_may_only_be_read(self):
        if mounts():
            self.skipTest(mounts())
        expected = self.whole()
        # What only reads does so.
        for command in (("status", "whole"), ("verify", "whole", "--quiet"),
                        ("margins", "whole/subset/logits.npy", "whole/labels.npy", "--out", "m.npy"),
                        ("removal-shift", "--masks", "whole/subset/masks.npy", "--logits", "whole/subset/logits.npy",
                         "--forget", "three.txt", "--out", "shift.npy")):
            done = self.read_only("whole", *command)
            self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
        # What writes says where it cannot, begun or not.
        for command in ("run", "report"):
            self.one_line(self.read_only("whole", command, "tiny.toml", "--out", "whole", "--quiet"), "whole",
                          "Read-only file system")
        self.assertEqual(results(self.path("whole")), expected)
        os.mkdir(self.path("new"))
        for command in (("run", "tiny.toml", "--out", "new/out", "--quiet"), ("init", "new/x.toml"),
                        ("margins", "whole/subset/logits.npy", "whole/labels.npy", "--out", "new/m.npy")):
            self.one_line(self.read_only("new", *command), "new/", "Read-only file system")
        self.assertEqual(os.listdir(self.path("new")), [])
        self.succeeds("fill", "tiny.toml", "--out", "part", "--stage", "train", "--task", "1/2", "--quiet")
        before = results(self.path("part"))
        self.one_line(self.read_only("part", "run", "tiny.toml", "--out", "part", "--quiet"), "part/",
                      "Read-only file system")
        self.assertEqual(results(self.path("part")), before)
        self.succeeds("run", "tiny.toml", "--out", "part", "--quiet")
        self.assertEqual({name: digest for name, digest in results(self.path("part")).items() if "tasks/" not in name},
                         expected)


class DeskDisk(cli.Scratch):
    """The desk's ledger is SQLite's: a full disk must not leave it between two states."""

    def test_a_desk_on_a_full_disk(self):
        cli.tiny_experiment(self.folder, epochs=2, subset=20, full=20)
        self.succeeds("desk", "init", "whole", "--config", "tiny.toml", "--resamples", 20, "--oracles", 20, "--budget",
                      500, "--hard-limit", 1000, "--quiet")
        shutil.copytree(self.path("whole"), self.path("desk"))
        for desk in ("whole", "desk"):
            self.succeeds("desk", "request", desk, "--ids", "3,17", "--receipt", "the-receipt-of-the-test")
        self.succeeds("desk", "process", "whole", "--quiet")
        failed = 0
        for size in (0, 100, 1000, 4096, 8192, 16384, 32768):
            done = self.run_here("desk", "process", "desk", "--quiet",
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
            if done.returncode == 0:
                break
            failed += 1
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
            self.assertRegex(done.stderr, r"\Aexpunge: desk[^\n]+\n\Z")
        self.assertGreater(failed, 3)
        self.succeeds("desk", "process", "desk", "--quiet")
        found = [json.loads(self.succeeds("desk", "status", desk, "--json")) for desk in ("whole", "desk")]
        models = [[version["model_sha256"] for version in status["versions"]] for status in found]
        self.assertEqual(*models)
        self.assertIn("sound: 2 certificates", self.succeeds("desk", "verify", "desk"))
        self.succeeds("verify", "desk", "--quiet")


if __name__ == "__main__":
    cli.main()
