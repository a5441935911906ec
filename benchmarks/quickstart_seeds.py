#!/usr/bin/env python3
"""Runs the quickstart from several seeds, and prints what it must show as means over them.

usage: quickstart_seeds.py EXPUNGE OUT.csv [SEED ...]      (seeds 0 1 2 by default)

For each seed: configs/quickstart.toml with that seed, in a temporary folder. Writes every row of every
table as OUT.csv (seed, seconds of the whole run, then the columns of table.csv) after each run; seeds that are there
already are not run again. Prints a Markdown table over all seeds of OUT.csv: KLoM (P95) of each method on each
group, its ratio to the floor, which is that of other oracles against the same ones over all points, and the
least and largest of the seeds. Exit code 1 if a run failed; the others are run all the same.
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


def read_rows(path):
    if not os.path.exists(path):
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path, rows):
    rows = sorted(rows, key=lambda row: int(row["seed"]))
    with open(path + ".part", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(path + ".part", path)


def print_table(rows):
    seeds = {int(row["seed"]): float(row["seconds"]) for row in rows}
    seconds = seeds.values()
    print(f"{len(seeds)} seeds ({min(seeds)} to {max(seeds)}); {min(seconds):.0f} to {max(seconds):.0f} s a run. "
          "Means, ratios to the floor, and the range over seeds.\n")
    print("| forget set | method | cost | forget | retain | validation |\n| --- | --- | --- | --- | --- | --- |")

    def values(column, **wanted):
        return [float(row[column]) for row in rows if all(row[k] == v for k, v in wanted.items())]

    def mean(column, **wanted):
        found = values(column, **wanted)
        return sum(found) / len(found)

    for name in dict.fromkeys(row["forget_set"] for row in rows):
        floor = mean("floor_p95", forget_set=name)
        for method in dict.fromkeys(row["method"] for row in rows):
            cells = []
            for group in ("forget", "retain", "validation"):
                p95 = values("p95", forget_set=name, method=method, group=group)
                middle = sum(p95) / len(p95)
                cells.append(f"{middle:.2f} ({middle / floor:.2f}; {min(p95):.2f}-{max(p95):.2f})")
            # Two digits, and 100 rather than 1e+02.
            cost = format(float(format(100 * mean("cost_share", forget_set=name, method=method), ".2g")), "g")
            print(f"| {name} | {method} | {cost}% | {' | '.join(cells)} |")
        print(f"| {name} | *floor, all points* | | {floor:.2f} | {floor:.2f} | {floor:.2f} |")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, path = sys.argv[1:3]
    rows = read_rows(path)
    failed = 0
    for seed in [int(s) for s in sys.argv[3:]] or [0, 1, 2]:
        if any(int(row["seed"]) == seed for row in rows):
            continue
        try:
            took, table = run(program, seed)
        except subprocess.CalledProcessError as error:
            print(f"seed {seed}: exit code {error.returncode}", file=sys.stderr)
            failed = 1
            continue
        rows += [{"seed": seed, "seconds": f"{took:.1f}", **row} for row in table]
        write_rows(path, rows)
        print(f"seed {seed}: {took:.0f} s", file=sys.stderr)
    if rows:
        print_table(rows)
    return failed


if __name__ == "__main__":
    sys.exit(main())
