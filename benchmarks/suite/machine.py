"""What the machine is, which versions are installed, and whether anything else runs."""
import os
import platform
import re
import time

from suite.common import CORES, PEERS, PYTHON, call

BUSY = 0.05  # share of the processors' time from which on the machine is not quiet


def versions():
    code = ("from importlib import metadata\nimport re, sys\n"
            "names = [re.split('==', l.strip())[0] for l in open(sys.argv[1]) if l.strip() and l[0] != '#']\n"
            "for n in names:\n    try: print(n, metadata.version(n))\n"
            "    except metadata.PackageNotFoundError: print(n, 'not installed')\n")
    if not os.path.exists(PYTHON):
        return {}
    said = call([PYTHON, "-c", code, os.path.join(PEERS, "requirements.txt")], "virtual environment")
    return dict(line.split(" ", 1) for line in said.splitlines())


def describe_machine(small, rounds):
    processor = platform.processor() or platform.machine()
    flags = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            cpuinfo = file.read()
        processor = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)[1]
        flags = re.search(r"^flags\s*: (.*)$", cpuinfo, re.MULTILINE)[1].split()
    except (OSError, TypeError):
        pass
    vectors = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("asimd", "Neon"))
                    if flag in flags), "")
    return {"processor": processor, "vectors": vectors, "cores": CORES,
            "memory_GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
            "small": small, "rounds": rounds, "packages": versions(), "busy": {}}


def busy_share(seconds=3):
    """The share of all processors' time that other programs take."""
    def times():
        with open("/proc/stat", encoding="utf-8") as file:
            numbers = [int(word) for word in file.readline().split()[1:9]]
        return sum(numbers), numbers[3] + numbers[4]  # idle, and waiting for disks

    total, idle = times()
    time.sleep(seconds)
    total_after, idle_after = times()
    return 1 - (idle_after - idle) / max(total_after - total, 1)
