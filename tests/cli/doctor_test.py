"""expunge doctor: its two forms agree, and what it says is so of this machine."""
import json
import os
import re

import cli


class Doctor(cli.Scratch):
    NAMES = ["expunge", "LibTorch", "matrix products", "BLAS", "processor", "instruction set", "processors", "threads",
             "GPU", "free disk here", "BLAS (float64)", "FMA peak (float32)", "matrix products (float32)",
             "matrix products (float64)"]

    def test_text_and_json_have_the_same_findings_and_advice_has_a_mark(self):
        text = self.succeeds("doctor")
        for name in self.NAMES:
            self.assertRegex(text, rf"(?m)^{re.escape(name)} +\S")
        findings = json.loads(self.succeeds("doctor", "--json"))["findings"]
        self.assertEqual([finding["name"] for finding in findings], self.NAMES)
        for finding in findings:
            self.assertEqual(set(finding), {"name", "value", "advice"})
            self.assertTrue(finding["value"], finding["name"])
        advised = bool(re.search(r"(?m)^ +! ", text))
        self.assertTrue(text.endswith("Lines with ! say what to do.\n" if advised else "Nothing is wrong.\n"))

    def test_values_are_those_of_this_machine(self):
        value = {finding["name"]: finding["value"] for finding in json.loads(self.succeeds("doctor", "--json"))["findings"]}
        self.assertEqual("expunge " + value["expunge"], self.succeeds("--version").strip())
        usable = len(os.sched_getaffinity(0))
        self.assertEqual(value["threads"], f"{usable} usable of {os.cpu_count()}")
        disk = os.statvfs(self.folder)
        self.assertAlmostEqual(float(value["free disk here"].split()[0]) * 1e9, disk.f_bavail * disk.f_frsize, delta=1e9)
        for name in ("FMA peak (float32)", "matrix products (float32)", "matrix products (float64)"):
            self.assertGreater(float(re.search(r"([\d.]+) GFLOP/s", value[name]).group(1)), 0.1)

    def test_threads_that_may_not_be_used_are_advised_of(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("one processor only")
        one = min(os.sched_getaffinity(0))
        out = self.succeeds("doctor", preexec_fn=lambda: os.sched_setaffinity(0, [one]))
        self.assertRegex(out, r"(?m)^threads +1 usable of \d+\n +! .*taskset")


if __name__ == "__main__":
    cli.main()
