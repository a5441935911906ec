#!/usr/bin/env python3
"""Runs the quickstart from several seeds, and prints what it must show as means over them.

usage: quickstart_seeds.py EXPUNGE OUT.csv [SEED ...]      (seeds 0 1 2 by default)

For each seed: configs/quickstart.toml with that seed, in a temporary folder. Writes every row of every
table as OUT.csv (seed, seconds of the whole run, then the columns of table.csv), and prints a Markdown
table of means: KLoM (P95) of each method on each group, and its ratio to the floor, which is that of
other oracles against the same ones over all points.
"""
import csv
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(program, seed):
    """(seconds, rows of table.csv) of one quickstart."""
    configs = os.path.join(ROOT, "configs")
    with open(os.path.join(configs, "quickstart.toml"), encoding="utf-8") as file:
        text = file.read()
    changed = text.replace("seed = 0", f"seed = {seed}").replace('"forget-sets/', f'"{configs}/forget-sets/')
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "quickstart.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(changed)
        out = os.path.join(folder, "run")
        begin = time.perf_counter()
        subprocess.run([program, "run", config, "--out", out, "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
        with open(os.path.join(out, "table.csv"), newline="", encoding="utf-8") as file:
            return seconds, list(csv.DictReader(file))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, path = sys.argv[1:3]
    seeds = [int(s) for s in sys.argv[3:]] or [0, 1, 2]
    rows, seconds = [], []
    for seed in seeds:
        took, table = run(program, seed)
        seconds.append(took)
        rows += [{"seed": seed, "seconds": f"{took:.1f}", **row} for row in table]
        print(f"seed {seed}: {took:.0f} s", file=sys.stderr)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

    def mean(column, **wanted):
        found = [float(row[column]) for row in rows if all(row[k] == v for k, v in wanted.items())]
        return sum(found) / len(found)

    print(f"Seeds {', '.join(map(str, seeds))}; {min(seconds):.0f} to {max(seconds):.0f} s a run.\n")
    print("| forget set | method | cost | forget | retain | validation |\n| --- | --- | --- | --- | --- | --- |")
    for name in dict.fromkeys(row["forget_set"] for row in rows):
        floor = mean("floor_p95", forget_set=name)
        for method in dict.fromkeys(row["method"] for row in rows):
            cells = []
            for group in ("forget", "retain", "validation"):
                p95 = mean("p95", forget_set=name, method=method, group=group)
                cells.append(f"{p95:.2f} ({p95 / floor:.2f})")
            # Two digits, and 100 rather than 1e+02.
            cost = format(float(format(100 * mean("cost_share", forget_set=name, method=method), ".2g")), "g")
            print(f"| {name} | {method} | {cost}% | {' | '.join(cells)} |")
        print(f"| {name} | *floor, all points* | | {floor:.2f} | {floor:.2f} | {floor:.2f} |")


if __name__ == "__main__":
    main()
