#!/usr/bin/env python3
"""Runs the example of docs/own-attributor.md and reads its table: both attributors must forget, and
leave the other examples alone.

usage: run_own_attributor.py PROGRAM
"""
import re
import subprocess
import sys
import tempfile


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.argv[1], folder], capture_output=True, text=True)
    print(done.stdout + done.stderr)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode}")
    klom = {}
    for line in done.stdout.splitlines()[1:]:
        method, forgotten, kept, new = re.fullmatch(r"(.+?)\s+(\d+\.\d\d)\s+(\d+\.\d\d)\s+(\d+\.\d\d)", line).groups()
        klom[method] = tuple(map(float, (forgotten, kept, new)))
    assert len(klom) == 6, klom
    nothing, floor = klom["do nothing"], klom["retraining (the floor)"]
    assert nothing[0] > 4 * floor[0], "doing nothing is told from retraining"
    for name in ("in-out differences", "built in"):
        for way in ("dm-direct", "DMM"):
            forgotten, kept, new = klom[f"{name}, {way}"]
            assert forgotten < nothing[0] / 2, f"{name}, {way}: {forgotten}"
            assert max(kept, new) < 2 * max(nothing[1:]), f"{name}, {way}: {kept}, {new}"


if __name__ == "__main__":
    main()
