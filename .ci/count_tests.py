#!/usr/bin/env python3
"""usage: count_tests.py BUILD

One line: how many tests passed, failed and were skipped. BUILD/test-results.xml is ctest's; a test there that is a
GoogleTest program counts as the tests in BUILD/results/NAME.xml, or as one where it ended before it wrote them."""
import collections
import pathlib
import sys
import xml.etree.ElementTree as xml


def outcome(case):
    """A <testcase> of ctest or of GoogleTest; neither writes anything below one that passed but its output."""
    if case.find("failure") is not None or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"):
        return "skipped"
    return "passed"


def main(build):
    build = pathlib.Path(build)
    count = collections.Counter()
    for case in xml.parse(build / "test-results.xml").iter("testcase"):
        within = build / "results" / f"{case.get('name')}.xml"
        inner = [outcome(test) for test in xml.parse(within).iter("testcase")] if within.is_file() else []
        count.update(inner)
        # A program that failed although none of its tests did (at its end, by a sanitizer) is a failure more.
        if not inner or (outcome(case) == "failed" and "failed" not in inner):
            count[outcome(case)] += 1
    print(f"tests: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")


main(sys.argv[1])
