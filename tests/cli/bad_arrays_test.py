"""Arrays and forget sets that klom, margins and removal-shift must refuse: exit code 1, one line that
names what is wrong, nothing written."""
import os

import cli
import numpy as np

N, n, m, C = 6, 8, 10, 3
random = np.random.default_rng(0)
GOOD = {
    "u.npy": random.normal(size=(4, m)).astype(np.float32),
    "o.npy": random.normal(size=(5, m)).astype(np.float32),
    "logits.npy": random.normal(size=(N, m, C)).astype(np.float32),
    "labels.npy": np.arange(m) % C,
    "masks.npy": np.arange(N * n).reshape(N, n) % 3 != 1,
}
COMMANDS = {
    "klom": ("klom", "u.npy", "o.npy", "--floor", "f.npy", "--out", "out.npy"),
    "margins": ("margins", "logits.npy", "labels.npy", "--out", "out.npy"),
    "removal-shift": ("removal-shift", "--masks", "masks.npy", "--logits", "logits.npy", "--forget",
                      "forget.txt", "--out", "out.npy", "--lambda", "2", "--factors", "factors"),
}
INPUTS = {"klom": ("u.npy", "o.npy", "f.npy"), "margins": ("logits.npy", "labels.npy"),
          "removal-shift": ("masks.npy", "logits.npy")}


def with_value(array, value, *place):
    array = array.copy()
    array[place] = value
    return array


class BadArrays(cli.Scratch):
    def setUp(self):
        super().setUp()
        for name, array in GOOD.items():
            self.npy(name, array)
        self.npy("f.npy", GOOD["o.npy"])
        self.text("forget.txt", "1\n5\n")

    def write(self, name, bytes_or_array):
        """Replaces the file; a folder of that name goes away first."""
        if isinstance(bytes_or_array, bytes):
            with open(self.path(name), "wb") as file:
                file.write(bytes_or_array)
        else:
            self.npy(name, bytes_or_array)

    def each(self, command, cases):
        """Every (file, bytes or array, texts that the message must have) is refused."""
        for name, bad, says in cases:
            with open(self.path(name), "rb") as file:
                good = file.read()
            with self.subTest(command=command, file=name, says=says):
                self.write(name, bad)
                self.refuses(*COMMANDS[command], says=says)
            self.write(name, good)

    def test_the_good_ones_are_accepted(self):
        # Else every refusal below might be for another reason.
        for command in COMMANDS.values():
            self.succeeds(*command)

    def test_files_that_are_no_arrays_are_refused_by_every_command(self):
        for command, names in INPUTS.items():
            for name in names:
                with open(self.path(name), "rb") as file:
                    good = file.read()
                fortran = np.asfortranarray(np.zeros((3, 4), np.float32))
                # Each kind once for each command; which of its files has it goes round.
                kinds = [(good[:-1], "bytes required"), (good + b"\0", "bytes required"), (good[:40], "header"),
                         (b"\x93NUMPX" + good[6:], "npy file required"), (b"", "npy file required"),
                         (good[:6] + b"\x09" + good[7:], "version"), (good.replace(b"'descr'", b"'decor'"), "header"),
                         (fortran, "Fortran"), (np.array([{"a": 1}], object), "dtype"),
                         (np.zeros(3, ">f4"), "dtype"), (np.zeros(3, np.complex64), "dtype")]
                kinds = kinds[names.index(name)::len(names)]
                self.each(command, [(name, bad, [name, says]) for bad, says in kinds])

    def test_files_that_cannot_be_read_are_named(self):
        for command, names in INPUTS.items():
            for name in (*names, "forget.txt"):
                if name not in COMMANDS[command]:
                    continue
                with self.subTest(command=command, file=name):
                    os.rename(self.path(name), self.path("away"))
                    self.refuses(*COMMANDS[command], says=[name, "No such file"])
                    os.mkdir(self.path(name))
                    self.refuses(*COMMANDS[command], says=[name, "directory"])
                    os.rmdir(self.path(name))
                    os.rename(self.path("away"), self.path(name))

    def test_file_without_permission_is_named(self):
        if os.geteuid() == 0:
            self.skipTest("permissions mean nothing to root")
        os.chmod(self.path("u.npy"), 0)
        self.refuses(*COMMANDS["klom"], says=["u.npy", "Permission denied"])

    def test_device_instead_of_a_file_is_refused(self):
        self.refuses("klom", "/dev/zero", "o.npy", "--out", "out.npy", says=["/dev/zero", "regular file"])

    def test_klom_refuses_other_shapes_dtypes_and_values(self):
        u, o = GOOD["u.npy"], GOOD["o.npy"]
        self.each("klom", [
            ("u.npy", u.astype(np.float64), ["u.npy", "float32", "Double"]),
            ("o.npy", o.astype(np.float16), ["o.npy", "float32", "Half"]),
            ("f.npy", o.astype(np.int64), ["f.npy", "float32", "Long"]),
            ("u.npy", u[0], ["u.npy", "(10)"]),
            ("o.npy", o[None], ["o.npy", "(1, 5, 10)"]),
            ("u.npy", u[:1], ["unlearned", "2", "1"]),
            ("o.npy", o[:1], ["oracle", "2", "1"]),
            ("f.npy", o[:1], ["f.npy", "2", "1"]),
            ("u.npy", u[:0], ["unlearned", "2", "0"]),
            ("u.npy", u[:, :7], ["4, 7", "5, 10"]),
            ("f.npy", o[:, :7], ["f.npy", "7", "10"]),
            ("u.npy", with_value(u, np.nan, 2, 3), ["unlearned", "model 2", "point 3", "nan"]),
            ("o.npy", with_value(o, -np.inf, 4, 9), ["oracle", "model 4", "point 9", "-inf"]),
            ("f.npy", with_value(o, np.nan, 1, 0), ["f.npy", "model 1", "point 0", "nan"]),
        ])
        self.npy("u.npy", u[:, :0])
        self.npy("o.npy", o[:, :0])
        self.refuses("klom", "u.npy", "o.npy", "--out", "out.npy", says=["u.npy", "at least one point"])

    def test_margins_refuses_other_shapes_dtypes_and_values(self):
        z, y = GOOD["logits.npy"], GOOD["labels.npy"]
        self.each("margins", [
            ("logits.npy", z.astype(np.float64), ["logits", "float32", "Double"]),
            ("logits.npy", z.astype(np.int32), ["logits", "float32", "Int"]),
            ("logits.npy", z[0, 0], ["logits", "[3]"]),
            ("logits.npy", z[None], ["logits", "[1, 6, 10, 3]"]),
            ("logits.npy", z[:, :, :1], ["logits", "2 classes", "1"]),
            ("logits.npy", z[:, :, :0], ["logits", "2 classes", "0"]),
            ("logits.npy", z[:0], ["logits.npy", "at least one model"]),
            ("logits.npy", with_value(z, np.nan, 1, 4, 2), ["model 1", "point 4", "class 2"]),
            ("logits.npy", with_value(z, np.inf, 5, 9, 0), ["model 5", "point 9", "class 0"]),
            ("labels.npy", y[:-1], ["labels", "(10)", "9"]),
            ("labels.npy", y[:, None], ["labels", "(10)", "[10, 1]"]),
            ("labels.npy", y.astype(np.float32), ["labels.npy", "whole numbers", "Float"]),
            ("labels.npy", y.astype(bool), ["labels.npy", "whole numbers", "Bool"]),
            ("labels.npy", with_value(y, 3, 6), ["labels", "point 6", "3", "0 to 2"]),
            ("labels.npy", with_value(y, -1, 6), ["labels", "point 6", "-1", "0 to 2"]),
            ("labels.npy", with_value(y, 2**62, 6), ["labels", "point 6", str(2**62)]),
        ])
        self.npy("logits.npy", z[:, :0])
        self.npy("labels.npy", y[:0])
        self.refuses(*COMMANDS["margins"], says=["logits.npy", "one point"])

    def test_removal_shift_refuses_other_shapes_dtypes_and_values(self):
        a, z = GOOD["masks.npy"], GOOD["logits.npy"]
        self.each("removal-shift", [
            ("masks.npy", a.astype(np.float32), ["masks", "bool", "Float"]),
            ("masks.npy", a.astype(np.int64), ["masks", "bool", "Long"]),
            ("masks.npy", with_value(a.astype(np.uint8), 2, 3, 4), ["masks.npy", "0 and 1", "2"]),
            ("masks.npy", a[0], ["masks.npy", "(8)"]),
            ("masks.npy", a[None], ["masks.npy", "(1, 6, 8)"]),
            ("masks.npy", a[:, :0], ["masks.npy", "(6, 0)"]),
            ("masks.npy", a[:0], ["logits", "0 masks"]),
            ("masks.npy", a[:5], ["logits", "5 masks", "6"]),
            ("masks.npy", np.ones_like(a), ["masks", "all true"]),
            ("masks.npy", np.zeros_like(a), ["masks", "all false"]),
            ("logits.npy", z.astype(np.float64), ["logits", "float32", "Double"]),
            ("logits.npy", z[:, :, 0], ["logits", "(6, 10)"]),
            ("logits.npy", z[:, :7], ["logits", "8 points", "7"]),
            ("logits.npy", z[:, :, :0], ["logits", "0 classes"]),
            ("logits.npy", z[:5], ["logits", "6 masks", "5"]),
            ("logits.npy", with_value(z, np.nan, 2, 9, 1), ["logits", "finite", "[2, 9, 1]"]),
            ("logits.npy", with_value(z, np.inf, 3, 0, 2), ["logits", "finite", "[3, 0, 2]"]),
        ])
        # A bool array of other bytes than 0 and 1 is no array that NumPy wrote.
        with open(self.path("masks.npy"), "rb") as file:
            good = file.read()
        self.each("removal-shift", [("masks.npy", good[:-3] + b"\x02" + good[-2:], ["masks.npy", "got 2"])])
        self.npy("masks.npy", a[:1])
        self.npy("logits.npy", z[:1])
        self.refuses(*COMMANDS["removal-shift"], says=["masks", "2 models"])

    def test_removal_shift_refuses_forget_sets_that_are_none(self):
        for bad, says in ((b"1\n5\n1\n", ["forget.txt:3", "index 1", "twice"]),
                          (b"1\n8\n", ["forget.txt:2", "0 to 7", "8"]),
                          (b"-1\n", ["forget.txt:1", "0 to 7", "-1"]),
                          (b"99999999999999999999\n", ["forget.txt:1", "whole number"]),
                          (b"1\n\nfive\n", ["forget.txt:3", "whole number", "five"]),
                          (b"1 5\n", ["forget.txt:1", "whole number", "1 5"]),
                          (b"1.0\n", ["forget.txt:1", "whole number"]),
                          (b"0x1\n", ["forget.txt:1", "whole number"]),
                          (b"", ["forget.txt", "at least one", "none"]),
                          (b"# nothing\n\n", ["forget.txt", "at least one", "none"]),
                          (b"0\n1\n2\n3\n4\n5\n6\n7\n", ["forget.txt", "all 8"]),
                          (b"\x93NUMPY\x01\x00\x1b[2J\x07\n", ["forget.txt:1", "whole number"]),
                          (bytes(range(256)), ["forget.txt:1", "whole number"])):
            self.each("removal-shift", [("forget.txt", bad, says)])


if __name__ == "__main__":
    cli.main()
