#!/usr/bin/env python3
"""Checks what the documents claim of the tree: every relative link leads to a file that is there
(and, with #fragment, to a heading), HACKING.md names every folder, and no other, and a fenced block
under a line `<!-- file: PATH -->` (from the root) is that file, to the letter.

usage: check_docs.py FOLDER    one line a fault; exit code 1 if there are any
"""
import os
import re
import subprocess
import sys


def files_of(root):
    """Files that git tracks or would add; without git, all but those of builds and runs."""
    command = ["git", "-C", root, "ls-files", "-co", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        listed = [os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names]
        listed = [f for f in listed if not re.match(r"(build[^/]*|runs|\.git)/", f)]
    return sorted(f for f in listed if f and os.path.exists(os.path.join(root, f)))


def prose(text):
    """The text without fenced blocks and code spans: links in them are examples."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(text):
    """The fragments that headings have, as GitHub forms them."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+\s+(.*?)\s*#*$", text, flags=re.MULTILINE):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return found


def broken_links(root, name):
    text = open(os.path.join(root, name), encoding="utf-8").read()
    targets = re.findall(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)", prose(text))
    targets += re.findall(r"(?:src|href)=\"([^\"]+)\"", prose(text))
    for target in targets:
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, fragment = target.partition("#")
        if path.startswith("/"):
            yield f"{name}: link to {target}: a relative path required"
            continue
        full = os.path.normpath(os.path.join(root, os.path.dirname(name), path)) if path \
            else os.path.join(root, name)
        if not os.path.exists(full):
            yield f"{name}: link to {target}: no such file"
        elif fragment and full.endswith(".md"):
            if fragment not in anchors(open(full, encoding="utf-8").read()):
                yield f"{name}: link to {target}: no such heading"


def wrong_folders(root, files):
    """HACKING.md's table of folders against the folders of `files`."""
    path = os.path.join(root, "HACKING.md")
    if not os.path.exists(path):
        yield "HACKING.md: no such file"
        return
    named = set(re.findall(r"^\| `([\w.\-/]+)/` \|", open(path, encoding="utf-8").read(), re.MULTILINE))
    for folder in sorted(named):
        if not os.path.isdir(os.path.join(root, folder)):
            yield f"HACKING.md: folder {folder}/: no such folder"
    there = {f.split("/")[0] for f in files if "/" in f}
    for parent in ("expunge", "apps", "docs"):  # these are named folder by folder
        there |= {"/".join(f.split("/")[:2]) for f in files if re.match(parent + "/[^/]+/", f)}
    for folder in sorted(there):
        if folder not in named and not any(other.startswith(folder + "/") for other in named):
            yield f"HACKING.md: folder {folder}/ is not named"


def differing_code(root, name):
    """Blocks that are said to be a file against the file."""
    lines = open(os.path.join(root, name), encoding="utf-8").read().split("\n")
    for i, line in enumerate(lines):
        named = re.fullmatch(r"<!-- file: (.+?) -->\s*", line)
        if not named:
            continue
        path = os.path.join(root, named[1])
        if not os.path.isfile(path):
            yield f"{name}:{i + 1}: {named[1]}: no such file"
            continue
        if i + 1 == len(lines) or not lines[i + 1].startswith("```"):
            yield f"{name}:{i + 2}: a fenced block required, that of {named[1]}"
            continue
        shown = lines[i + 2:]
        shown = shown[:shown.index("```")] if "```" in shown else shown
        wanted = open(path, encoding="utf-8").read().removesuffix("\n").split("\n")
        if shown != wanted:
            at = next((k for k, pair in enumerate(zip(shown, wanted)) if pair[0] != pair[1]),
                      min(len(shown), len(wanted)))
            yield f"{name}:{i + 3 + at}: differs from {named[1]}:{at + 1}"


def main():
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        sys.exit(__doc__)
    root = sys.argv[1]
    files = files_of(root)
    documents = [f for f in files if f.endswith(".md")]
    faults = [fault for name in documents for fault in broken_links(root, name)]
    faults += [fault for name in documents for fault in differing_code(root, name)]
    faults += wrong_folders(root, files)
    print("\n".join(faults) if faults else f"{len(documents)} documents checked")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
