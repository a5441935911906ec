"""What the tests of expunge forget-set share: a choice that is read back, and made again from what its file says."""
import json
import shlex

import cli


def indices_in(path):
    """Indices of a forget set's file, and its comments."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    comments = [line[2:] for line in lines if line.startswith("# ")]
    rest = [line for line in lines if not line.startswith("#")]
    assert lines == [f"# {c}" for c in comments] + rest  # comments first
    return [int(line) for line in rest], comments


class Case(cli.Scratch):
    def choose(self, *arguments, out="f.txt", **keywords):
        """What is in the file that a run writes, and what the run says as JSON."""
        said = json.loads(self.succeeds("forget-set", *arguments, "--out", out, "--json", **keywords))
        indices, comments = indices_in(self.path(out))
        self.assertEqual((said["kind"], said["examples"], said["out"]), (arguments[0], len(indices), out))
        self.assertEqual(len(set(indices)), len(indices))
        # The file says how it was made: that makes it again.
        made_by, = (c for c in comments if c.startswith("made by: expunge "))
        self.succeeds(*shlex.split(made_by)[3:], "--out", "again.txt")
        with open(self.path(out), "rb") as file, open(self.path("again.txt"), "rb") as again:
            self.assertEqual(again.read(), file.read())
        return indices, said

    def wrong(self, *arguments, says, code=2):
        self.refuses("forget-set", *arguments, "--out", "f.txt", code=code, says=says)
