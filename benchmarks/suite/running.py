"""Runs programs in turn, and makes a row of results.csv of each run."""
import glob
import json
import math
import os
import re
import signal
import statistics
import subprocess
import threading

from suite.cases import Sweep
from suite.common import say
from suite.machine import BUSY, busy_share
from suite.pictures import amount

LONGEST = 3600  # seconds of one run
COLUMNS = ["case", "program", "ours", "size", "round", "measure", "value", "peak_MiB", "status", "reason", "said"]


def environment(program):
    """The environment of a run. A kernel that is forced on Debian's OpenBLAS is not forced on the peers' newer one."""
    chosen = dict(os.environ)
    if not program.ours:
        for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
            chosen.pop(name, None)
    return chosen


def measured(program, log):
    """(what it printed, value, peak MiB) of a run; RuntimeError says in one line why there is none."""
    with open(log + ".out", "w+", encoding="utf-8") as out, open(log + ".err", "w+", encoding="utf-8") as err:
        try:
            process = subprocess.Popen(program.command, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                       start_new_session=True, env=environment(program))
        except OSError as error:
            raise RuntimeError(f"{os.path.basename(program.command[0])}: {error.strerror}") from error
        late = threading.Event()

        def stop():
            late.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(LONGEST, stop)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        out.seek(0)
        if late.is_set():
            raise RuntimeError(f"not done after {LONGEST} s")
        if process.returncode != 0:
            lines = err.read().strip().splitlines() or ["no message"]
            raise RuntimeError(f"exit code {process.returncode}: {lines[-1]}")
        lines = out.read().strip().splitlines() or [""]
    try:
        said = json.loads(lines[-1])
        value = statistics.median(said["seconds"]) if program.measure == "seconds" else said[program.measure]
    except (ValueError, KeyError, TypeError, statistics.StatisticsError) as error:
        raise RuntimeError(f"a JSON line with \"{program.measure}\" required, got {lines[-1][:80]!r}") from error
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise RuntimeError(f"\"{program.measure}\": a finite number above 0 required, got {value}")
    # Linux counts KiB. What a program says itself is without what it did to check its result.
    return said, value, said.get("peak_MiB", usage.ru_maxrss // 1024)


def run_all(chosen, out, rounds, missing, machine):
    """Runs every program, and yields a row of results.csv for each run. How busy the machine was goes to `machine`."""
    os.makedirs(os.path.join(out, "logs"), exist_ok=True)
    for old in glob.glob(os.path.join(out, "inputs", "our-*.npy")):
        os.remove(old)  # nothing is compared with an earlier run's results
    for case in chosen:
        busy = machine["busy"][case.name] = round(busy_share(), 3)
        if busy > BUSY:
            say(f"{case.name}: others take {busy:.0%} of the processors: its figures will say little")
        sizes = case.sizes if isinstance(case, Sweep) else ("",)
        for turn in range(rounds):
            for size in sizes:
                programs = case.make(size) if isinstance(case, Sweep) else case.programs
                # Ours first in round 0: the others compare their results with it.
                for program in programs[turn % len(programs):] + programs[:turn % len(programs)]:
                    row = {"case": case.name, "program": program.name, "ours": int(program.ours), "size": size,
                           "round": turn, "measure": program.measure, "status": "ok"}
                    label = f"{case.name}{f' {size:,}' if size else ''}: {program.name}"
                    reason = next((missing[need] for need in program.needs if need in missing), "")
                    if reason:
                        row.update(status="skipped", reason=reason)
                        if turn == 0:
                            say(f"{label}: SKIPPED: {reason}")
                        yield row
                        continue
                    name = re.sub(r"[^\w.-]+", "-", f"{case.name}-{size}-{program.name}-{turn}")
                    try:
                        said, value, peak = measured(program, os.path.join(out, "logs", name))
                        row.update(value=f"{value:.6g}", peak_MiB=peak, said=json.dumps(said))
                        say(f"{label}: {amount(value, program.measure)}, {peak:,} MiB")
                    except RuntimeError as error:
                        row.update(status="failed", reason=str(error))
                        say(f"{label}: FAILED: {error}")
                    yield row
