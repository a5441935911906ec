#!/usr/bin/env python3
"""Prints the best cells of a sweep's CSV (expunge sweep, expunge reproduce figure-1) as Markdown tables.

usage: figure_table.py FIGURE-1.csv [--seconds]

One table a forget set: each method's best cell by the oracles, with its cost in sample gradients, KLoM (P95),
and the attack's accuracy, then the best cell without oracles. In brackets: the subset models that its
predictions were fitted on. `--seconds` adds the seconds a model, which say something only if nothing else ran.
"""
import csv
import sys


def percent(share):
    return f"{100 * share:.3g}%"


def seconds(value):
    return f"{1000 * value:.0f} ms" if value > 0 else ""


def main():
    timed = "--seconds" in sys.argv[2:]
    with open(sys.argv[1], newline="", encoding="utf-8") as file:
        cells = [c for c in csv.DictReader(file) if not c["diverged"]]
    for name in dict.fromkeys(c["forget_set"] for c in cells):
        print(f"### {name}")
        print("| method | best cell, by the oracles | cost " + ("| a model " if timed else "")
              + "| forget | retain | validation | average | attack | best without oracles: forget / average |")
        print("| --- " * (10 if timed else 9) + "|")
        rows = [c for c in cells if c["forget_set"] == name]
        for method in dict.fromkeys(c["method"] for c in rows):
            of = [c for c in rows if c["method"] == method]
            best = next(c for c in of if c["best_by_oracles"] == "1")
            mine = next(c for c in of if c["best_without_oracles"] == "1")
            klom = " | ".join(f"{float(best['klom_p95_' + g]):.2f}"
                              for g in ("forget", "retain", "validation", "average"))
            own = "the same" if mine is best else (
                f"{float(mine['klom_p95_forget']):.2f} / {float(mine['klom_p95_average']):.2f} "
                f"({mine['settings']})")
            models = best["subset_models"]
            label = f"{method} ({int(models):,})" if models else method
            print(f"| {label} | {best['settings']} | {percent(float(best['cost_share']))} "
                  + (f"| {seconds(float(best['seconds_a_model']))} " if timed else "") + f"| {klom} "
                  f"| {100 * float(best['attack_accuracy']):.0f}% | {own} |")
        print()


if __name__ == "__main__":
    main()
