"""What every part of benchmarks/run uses: where things lie, how it speaks, and how it fails."""
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = os.path.join(ROOT, "benchmarks", "peers")
BUILD = os.path.join(ROOT, "build", "bench")
VENV = os.path.join(ROOT, "build", "benchmarks-venv")
PYTHON = os.path.join(VENV, "bin", "python")
IMAGES = "/usr/share/datasets/fashion-mnist"  # Debian's package dataset-fashion-mnist
CORES = len(os.sched_getaffinity(0))


class UsageError(Exception):
    pass


class SetupError(Exception):
    pass


def say(words):
    print(f"benchmarks: {words}", flush=True)


def call(command, what, **more):
    """Runs a step of the preparation; SetupError with its last line if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode != 0:
        lines = done.stdout.strip().splitlines() or ["no output"]
        raise SetupError(f"{what}: exit code {done.returncode}: {lines[-1]}")
    return done.stdout


def write(path, text):
    """The file as a whole or not at all."""
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".part", path)
