"""Results as a table and pictures."""
import csv
import json
import os
import statistics

from suite import pictures
from suite.cases import Sweep
from suite.common import SetupError, write
from suite.machine import BUSY
from suite.pictures import amount
from suite.running import COLUMNS

AGREEMENT = {"largest_difference": "largest difference {:.1e}", "points_that_differ": "at {:.0f} points",
             "largest_difference_of_coefficients": "largest difference {:.1e}", "spearman": "Spearman {:.2f}",
             "training_accuracy": "fits {:.0%}"}


def summary(rows):
    """(median, lowest, highest) of values; None without any."""
    values = [float(row["value"]) for row in rows if row["status"] == "ok"]
    return (statistics.median(values), min(values), max(values)) if values else None


def ratios_of(mine, theirs):
    """How many times as fast ours is, by rounds in which both ran: median, lowest, highest, or None."""
    other = {row["round"]: float(row["value"]) for row in theirs if row["status"] == "ok"}
    pairs = [(float(row["value"]), other[row["round"]]) for row in mine
             if row["status"] == "ok" and row["round"] in other]
    if not pairs:
        return None
    values = [b / a if mine[0]["measure"] == "seconds" else a / b for a, b in pairs]
    return statistics.median(values), min(values), max(values)


def agreement(rows):
    said = next((json.loads(row["said"]) for row in rows if row["status"] == "ok" and row["said"]), {})
    return ", ".join(words.format(said[key]) for key, words in AGREEMENT.items() if said.get(key) is not None)


def grouped(rows, key):
    groups = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def escaped(words):
    return words.replace("|", "\\|")


def case_table(case, rows, verdicts):
    """Lines of a comparison's table; what is behind or level goes to `verdicts`. Also the bars."""
    lines = [f"## {case.title}", "", "| program | median | range | peak memory | expunge is | agreement |",
             "| --- | --- | --- | --- | --- | --- |"]
    programs = grouped(rows, "program")
    mine = next((found for found in programs.values() if found[0]["ours"] == "1"), [])
    bars = []
    for name, found in programs.items():
        numbers = summary(found)
        problem = next((row for row in found if row["status"] != "ok"), None)
        if numbers is None:
            lines.append(f"| {escaped(name)} | {problem['status']}: {escaped(problem['reason'])} | | | | |")
            continue
        measure = found[0]["measure"]
        median, low, high = (amount(v, measure) for v in numbers)
        peak = statistics.median(float(row["peak_MiB"]) for row in found if row["status"] == "ok")
        ratio = ratios_of(mine, found) if mine and found is not mine else None
        words = ""
        if ratio:
            bars.append((name, *ratio))
            words = f"{pictures.short(ratio[0])} times as fast ({pictures.short(ratio[1])}-{pictures.short(ratio[2])})"
            if ratio[0] < 1:
                unsure = ", rounds disagree" if ratio[2] >= 1 else ""
                verdicts.append(f"**Behind** {name} ({case.name}{unsure}): {words}.")
            elif ratio[1] < 1:
                verdicts.append(f"Level with {name} ({case.name}): {words}.")
            own = [float(row["peak_MiB"]) for row in mine if row["status"] == "ok"]
            if statistics.median(own) > peak:
                verdicts.append(f"**More memory** than {name} ({case.name}): {statistics.median(own):,.0f} MiB, "
                                f"{peak:,.0f} MiB.")
        failed = f"; {problem['status']} in a round: {escaped(problem['reason'])}" if problem else ""
        lines.append(f"| {escaped(name)} | {median} | {low} to {high}{failed} | {peak:,.0f} MiB | {words} "
                     f"| {agreement(found)} |")
    lines += ["", case.note, ""] if case.note else [""]
    return lines, bars


def sweep_table(case, rows):
    """Lines of a sweep's table, and the series of its picture."""
    programs = grouped(rows, "program")
    sizes = list(grouped(rows, "size"))
    measure = rows[0]["measure"]
    lines = [f"### {case.title}", "", f"![{case.title}](scaling-{case.name}.svg)", "",
             f"| {case.axis} | " + " | ".join(f"{int(size):,}" for size in sizes) + " | slope |",
             "| --- |" + " --- |" * (len(sizes) + 1)]
    series = []
    for name, found in programs.items():
        by_size = {size: summary(of) for size, of in grouped(found, "size").items()}
        points = [(int(size), *numbers) for size, numbers in by_size.items() if numbers]
        problem = next((row for row in found if row["status"] != "ok"), None)
        cells = [amount(by_size[size][0], measure) if by_size.get(size) else problem["status"] for size in sizes]
        fitted = pictures.slope([p[:2] for p in points]) if points else None
        lines.append(f"| {escaped(name)} | " + " | ".join(cells) + f" | {'' if fitted is None else f'{fitted:.2f}'} |")
        if problem:
            lines.append(f"| | {problem['status']}: {escaped(problem['reason'])} |" + " |" * len(sizes))
        if points:
            series.append((name, points))
    return [*lines, ""], series


def report(out, cases):
    """table.md and the pictures, from results.csv and machine.json."""
    path = os.path.join(out, "results.csv")
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        with open(os.path.join(out, "machine.json"), encoding="utf-8") as file:
            machine = json.load(file)
    except OSError as error:
        raise SetupError(f"{error.filename}: {error.strerror}") from error
    if not rows or list(rows[0]) != COLUMNS:
        raise SetupError(f"{path}: the columns {', '.join(COLUMNS)} and a row required")
    by_case = grouped(rows, "case")
    known = {case.name: case for case in cases}
    unknown = [name for name in by_case if name not in known]
    if unknown:
        raise SetupError(f"{path}: no case {unknown[0]}; --list has them")
    verdicts, tables, curves, groups = [], [], [], []
    for name, found in by_case.items():
        case = known[name]
        if isinstance(case, Sweep):
            lines, series = sweep_table(case, found)
            curves += lines
            if series:
                axis = "models a second" if found[0]["measure"] == "models_per_s" else "seconds"
                write(os.path.join(out, f"scaling-{name}.svg"), pictures.scaling(case.title, case.axis, axis, series))
        else:
            lines, bars = case_table(case, found, verdicts)
            tables += lines
            if bars:
                groups.append((case.title.split(":")[0], bars))
    head = ["# Benchmarks", "",
            f"{machine['processor']} {machine['vectors']}, {machine['cores']} cores, {machine['memory_GiB']} GiB; "
            f"{machine['system']}; {machine['rounds']} rounds.",
            "Packages: " + ", ".join(f"{name} {version}" for name, version in machine["packages"].items()) + ".", ""]
    if machine["small"]:
        head += ["**Sizes that test the suite: they say nothing of speed.**", ""]
    busy = {name: share for name, share in machine["busy"].items() if share > BUSY}
    if busy:
        shares = ", ".join(f"{name} ({share:.0%})" for name, share in busy.items())
        head += [f"**Other programs ran before {shares}: these figures are not to be quoted.**", ""]
    if groups:
        write(os.path.join(out, "ratios.svg"), pictures.ratios("Beside public packages", groups))
        head += ["![How many times as fast](ratios.svg)", ""]
        head += ["## Where expunge is behind or level", ""]
        head += [f"- {words}" for words in verdicts] or ["Nowhere in what was run."]
        head += [""]
    if curves:
        curves = ["## Cost as sizes grow", "", "Medians; slopes are of straight lines fitted to logarithms.", "",
                  *curves]
    write(os.path.join(out, "table.md"), "\n".join(head + tables + curves).rstrip() + "\n")
