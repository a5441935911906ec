"""expunge desk: a stream of requests from its beginning to a certificate that anybody can check."""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import unittest

import cli
import numpy as np

# 80 training examples, 40 validation points, 20 models of either kind.
INIT = ("--config", "tiny.toml", "--keys", "people.csv", "--key-column", "user", "--resamples", 20, "--oracles", 20,
        "--budget", 500, "--hard-limit", 1000)


class Desk(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder, epochs=2, subset=20, full=20)
        self.text("people.csv", "example,user\n" + "".join(f"{i},p{i // 4}\n" for i in range(80)))
        self.succeeds("desk", "init", "desk", *INIT, "--quiet")

    def status(self):
        return json.loads(self.succeeds("desk", "status", "desk", "--json"))

    def test_requests_become_versions_with_certificates(self):
        asked = self.succeeds("desk", "request", "desk", "--ids", "3,17,41")
        self.assertRegex(asked, r"\Arequest 1: 3 examples, pending\nreceipt [0-9a-f]{32}\n\Z")
        self.succeeds("desk", "request", "desk", "--key", "p5")
        self.text("more.txt", "# some\n70\n3\n")
        self.succeeds("desk", "request", "desk", "--file", "more.txt")
        withdrawn = json.loads(self.succeeds("desk", "request", "desk", "--ids", 50, "--json"))
        self.succeeds("desk", "withdraw", "desk", withdrawn["request"])
        done = self.succeeds("desk", "process", "desk", "--quiet")
        self.assertEqual(len(done.splitlines()), 3)
        self.assertRegex(done, r"request 1: 3 examples removed in version 1; predicted KLoM on these [\d.]+ \(")
        status = self.status()
        self.assertEqual([r["state"] for r in status["requests"]], ["processed"] * 3 + ["withdrawn"])
        self.assertEqual(status["remaining"], 80 - 3 - 4 - 1)
        self.assertEqual([v["removed"] for v in status["versions"]], [[], [3, 17, 41], [20, 21, 22, 23], [70]])
        self.assertEqual(self.succeeds("desk", "process", "desk", "--quiet"), "nothing to process\n")

        self.assertIn("sound: 4 certificates", self.succeeds("desk", "verify", "desk"))
        self.succeeds("desk", "export", "desk", "--out", "out")
        self.assertIn("sound: 4 certificates", self.succeeds("desk", "verify", "out", "--public-key", "desk/public.pem"))
        # Gone from what is kept, and the key of the user with it.
        labels, images = self.load("desk/data/train_labels.npy"), self.load("desk/data/train_images.npy")
        gone = [3, 17, 20, 21, 22, 23, 41, 70]
        self.assertFalse(images[gone].any() or labels[gone].any())
        self.assertTrue(images[[50, 71]].any())
        ledger = sqlite3.connect(self.path("desk/ledger.sqlite"))
        self.assertEqual(ledger.execute("SELECT count(*) FROM examples WHERE user_key = 'p5'").fetchone(), (0,))
        ledger.close()

    @unittest.skipUnless(shutil.which("openssl"), "needs openssl")
    def test_openssl_checks_a_certificate(self):
        self.succeeds("desk", "request", "desk", "--ids", 3)
        self.succeeds("desk", "process", "desk", "--quiet")
        folder = self.path("desk/versions/0001")
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", self.path("desk/public.pem"), "-rawin", "-in",
                   os.path.join(folder, "certificate.json"), "-sigfile", os.path.join(folder, "certificate.sig")]
        self.assertEqual(subprocess.run(command, capture_output=True, check=False).returncode, 0)
        with open(os.path.join(folder, "certificate.json"), "a", encoding="utf-8") as file:
            file.write(" ")
        self.assertNotEqual(subprocess.run(command, capture_output=True, check=False).returncode, 0)

    def test_what_is_asked_wrongly_is_refused(self):
        for says, code, *arguments in (
                ("one of --ids, --file and --key", 2, "request", "desk"),
                ("one of --ids, --file and --key", 2, "request", "desk", "--ids", 3, "--key", "p5"),
                ("from 0 to 79 required, got 80", 1, "request", "desk", "--ids", "80"),
                ("got 3 twice", 1, "request", "desk", "--ids", "3,4,3"),
                ("got none", 1, "request", "desk", "--key", "nobody"),
                ("8 to 64 letters", 2, "request", "desk", "--ids", 3, "--receipt", "short"),
                ("none of that number", 1, "withdraw", "desk", 7),
                ("a desk's ledger required, not there", 1, "status", "nowhere"),
                ("a desk's ledger required, not there", 1, "process", "nowhere"),
                ("no certificate of version 0", 1, "verify", "nowhere"),
                ("original", 2, "erase", "desk", "everything"),
                ("there is one already", 1, "init", "desk", *INIT, "--quiet")):
            with self.subTest(arguments):
                if arguments[0] == "init":
                    done = self.run_here("desk", *arguments)
                    self.assertEqual(done.returncode, code, done.stderr)
                    self.assertIn(says, done.stderr)
                else:
                    self.refused(says, code, *arguments)

    def refused(self, says, code, *arguments):
        done = self.run_here("desk", *arguments)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Aexpunge: [^\n]+\n\Z")
        self.assertIn(says, done.stderr)

    def test_asking_again_with_a_receipt_is_one_request(self):
        for _ in range(2):
            self.succeeds("desk", "request", "desk", "--ids", 3, "--receipt", "my-receipt-1")
        self.assertEqual(len(self.status()["requests"]), 1)

    def test_a_changed_certificate_fails(self):
        self.succeeds("desk", "request", "desk", "--ids", 3)
        self.succeeds("desk", "process", "desk", "--quiet")
        path = self.path("desk/versions/0001/certificate.json")
        with open(path, "rb+") as file:
            text = file.read()
            at = text.index(b'"remaining"') + 15
            file.seek(at)
            file.write(bytes([text[at] ^ 1]))
        done = self.run_here("desk", "verify", "desk")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("version 1: the signature is not that of the certificate", done.stderr)

    def test_past_the_hard_limit_it_refuses_and_status_says_what_to_do(self):
        self.succeeds("desk", "init", "strict", *INIT[:-4], "--budget", "1e-6", "--hard-limit", "1e-6", "--quiet")
        self.succeeds("desk", "request", "strict", "--ids", 3)
        done = self.run_here("desk", "process", "strict", "--quiet")
        self.assertEqual(done.returncode, 1)
        self.assertIn("predicted error (KLoM) of at most 1e-06 nats required", done.stderr)
        self.succeeds("desk", "process", "strict", "--past-limit", "--quiet")
        status = self.succeeds("desk", "status", "strict")
        self.assertIn("Past the hard limit: retrain.", status)

    def test_two_processes_at_once(self):
        for i in range(6):
            self.succeeds("desk", "request", "desk", "--ids", 10 + i)
        both = [cli.start("desk", "process", "desk", "--quiet", "--json", "--wait", cwd=self.folder) for _ in range(2)]
        versions = []
        for process in both:
            out, error = process.communicate(timeout=300)
            self.assertEqual(process.returncode, 0, error)
            versions += [done["version"] for done in json.loads(out)["processed"]]
        self.assertEqual(sorted(versions), [1, 2, 3, 4, 5, 6])
        self.assertIn("sound: 7 certificates", self.succeeds("desk", "verify", "desk"))

    def test_erasing_for_good(self):
        self.succeeds("desk", "request", "desk", "--ids", 3)
        self.succeeds("desk", "process", "desk", "--quiet")
        self.assertIn("cannot be done again", self.succeeds("desk", "erase", "desk", "original"))
        self.assertFalse(os.path.exists(self.path("desk/versions/0000/model.safetensors")))
        self.succeeds("desk", "erase", "desk", "evidence")
        self.succeeds("desk", "request", "desk", "--ids", 4)
        done = self.run_here("desk", "process", "desk", "--quiet")
        self.assertEqual(done.returncode, 1)
        self.assertIn("was erased on", done.stderr)
        self.succeeds("desk", "verify", "desk")

    def test_keys_must_fit(self):
        self.text("few.csv", "user\nann\n")
        done = self.run_here("desk", "init", "other", "--config", "tiny.toml", "--keys", "few.csv", "--key-column",
                             "user", "--quiet")
        self.assertEqual(done.returncode, 1)
        self.assertIn("one for each of 80 training examples required, got 1", done.stderr)
        done = self.run_here("desk", "init", "other", "--config", "tiny.toml", "--keys", "few.csv", "--quiet")
        self.assertEqual(done.returncode, 2)
        self.assertFalse(os.path.exists(self.path("other")))

    def test_a_version_does_not_depend_on_workers(self):
        shutil.copytree(self.path("desk"), self.path("again"))
        digests = []
        for desk, workers in (("desk", 1), ("again", 2)):
            self.succeeds("desk", "request", desk, "--ids", "3,17,41")
            self.succeeds("desk", "process", desk, "--workers", workers, "--quiet")
            out = json.loads(self.succeeds("desk", "status", desk, "--json"))
            digests.append(out["versions"][1]["model_sha256"])
        self.assertEqual(*digests)

    def test_rehearsal(self):
        self.text("one.txt", "3\n17\n")
        self.text("three.txt", "3\n17\n41\n9\n")
        with open(self.path("tiny.toml"), encoding="utf-8") as file:
            toml = file.read().replace('name = "tiny"', 'name = "stream"')
        self.text("stream.toml", toml + '[[forget_set]]\nname = "one"\nfile = "one.txt"\n')
        self.succeeds("train", "stream.toml", "--quiet")
        out = self.succeeds("desk", "rehearse", "stream.toml", "--resamples", 20, "--quiet")
        for way in ("newest", "over", "prediction", "nothing", "retraining (floor)"):
            self.assertRegex(out, rf"(?m)^ +2 +4 +{re.escape(way)} ")
        self.assertTrue(np.loadtxt(self.path("runs/stream/rehearsal.csv"), delimiter=",", skiprows=1,
                                   usecols=(0, 1)).shape[0] == 10)
        self.assertTrue(os.path.getsize(self.path("runs/stream/rehearsal.svg")) > 1000)


if __name__ == "__main__":
    cli.main()
