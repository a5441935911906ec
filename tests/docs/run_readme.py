#!/usr/bin/env python3
"""Runs the commands of README.md, or of another document, as a reader would: every block fenced as sh or bash, top to bottom,
in one scratch folder that stands for a checkout, with the built `expunge` first in PATH.

A block under a line `<!-- not run: REASON -->` is passed over: what installs, builds, or takes long.
`scripts/quickstart` becomes `expunge quickstart`, because the build is there already.

usage: run_readme.py CHECKOUT FOLDER_OF_PROGRAM [DOCUMENT]    exit code 1 at the first command that fails
"""
import os
import re
import subprocess
import sys
import tempfile


def blocks(text):
    """(line number, commands) of every block that is to be run."""
    lines = text.split("\n")
    i = 0
    while i < len(lines):
        if re.fullmatch(r"```(sh|bash)\s*", lines[i]):
            start = i + 1
            end = lines.index("```", start)
            above = next((line for line in reversed(lines[:i]) if line.strip()), "")
            if not re.fullmatch(r"<!-- not run: .+ -->\s*", above):
                yield start + 1, "\n".join(lines[start:end])
            i = end
        i += 1


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    checkout, programs = map(os.path.abspath, sys.argv[1:3])
    document = sys.argv[3] if len(sys.argv) == 4 else "README.md"
    with open(os.path.join(checkout, document), encoding="utf-8") as file:
        found = list(blocks(file.read()))
    if not found:
        sys.exit(f"{document}: at least one block of commands to run required, found none")
    environment = dict(os.environ, PATH=programs + os.pathsep + os.environ["PATH"])
    with tempfile.TemporaryDirectory() as scratch:
        for entry in os.listdir(checkout):
            if not entry.startswith((".", "build")) and entry != "runs":
                os.symlink(os.path.join(checkout, entry), os.path.join(scratch, entry))
        for line, commands in found:
            commands = re.sub(r"(?m)^(\./)?scripts/quickstart\b", "expunge quickstart", commands)
            print(f"{document}:{line}:\n{commands}", flush=True)
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=scratch, env=environment)
            if done.returncode != 0:
                sys.exit(f"{document}:{line}: exit code {done.returncode}")


if __name__ == "__main__":
    main()
