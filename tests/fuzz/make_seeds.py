#!/usr/bin/env python3
"""Writes the files that fuzzing began with: a few sound ones for each reader, and some that nearly are.

usage: make_seeds.py FOLDER    a folder for each reader in it, as tests/fuzz/corpus
"""
import gzip
import json
import os
import sqlite3
import struct
import sys
import tempfile
import zlib

LINE = b"\n----\n"  # between the files that one input stands for (fuzz_input.h)


def npy(descr, shape, data, version=1, fortran=False):
    text = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, fortran, tuple(shape))
    size = 10 if version == 1 else 12
    text += " " * (-(size + len(text) + 1) % 64) + "\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text.encode() + data


def floats(*values):
    return struct.pack("<%df" % len(values), *values)


def halves(*values):
    return struct.pack("<%de" % len(values), *values)


def longs(*values):
    return struct.pack("<%dq" % len(values), *values)


def safetensors(tensors, metadata=None):
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, dtype, shape, content in tensors:
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def png(width, height, depth, colour, rows, palette=b"", interlace=0, transparency=b""):
    def chunk(kind, content):
        return (struct.pack(">I", len(content)) + kind + content +
                struct.pack(">I", zlib.crc32(kind + content)))
    text = b"\x89PNG\r\n\x1a\n"
    text += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
    if palette:
        text += chunk(b"PLTE", palette)
    if transparency:
        text += chunk(b"tRNS", transparency)
    return text + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# 8 x 8 pixels of one grey: tables that are as short as can be, and no coefficients.
JPEG_TABLES = (b"\xff\xdb\x00\x43\x00" + b"\x10" * 64 +
               b"\xff\xc4\x00\x14\x00\x01" + b"\x00" * 15 + b"\x00" +
               b"\xff\xc4\x00\x14\x10\x01" + b"\x00" * 15 + b"\x00")


def jpeg(components, progressive=False, restart=b""):
    count = len(components)
    frame = struct.pack(">BHHB", 8, 8, 8, count)
    for number, sampling in enumerate(components, 1):
        frame += bytes([number, sampling, 0])
    scan = bytes([count]) + b"".join(bytes([n + 1, 0]) for n in range(count))
    scan += b"\x00\x00\x00" if progressive else b"\x00\x3f\x00"
    return (b"\xff\xd8" + JPEG_TABLES + restart +
            (b"\xff\xc2" if progressive else b"\xff\xc0") +
            struct.pack(">H", len(frame) + 2) + frame +
            b"\xff\xda" + struct.pack(">H", len(scan) + 2) + scan + b"\x00\x00\xff\xd9")


CONFIG = b"""name = "quickstart"
[data]
format = "idx"
path = "data"
train_examples = 2000
downscale = 1
normalise = true
[recipe]
network = "mlp"
hidden = [128]
epochs = 20
peak_learning_rate = 0.1
[ensembles]
seed = 0
subset_models = 100
alpha = 0.8
[attribution]
estimator = "auto"
[matching]
engine = "kernel"
[evaluation]
multiplier = 1.0
[compute]
workers = 2
[[forget_set]]
name = "random-20"
file = "forget-sets/random-20.txt"
description = "20 images"
"""

SWEEP = b"""name = "figure"
[[datamodels]]
name = "paper"
subset_models = 1000
alpha = 0.5
[[method]]
name = "SCRUB"
kind = "scrub"
learning_rate = [5e-4, 5e-3]
epochs = [5, 7]
[[method]]
name = "DMM"
kind = "matching"
targets = "predicted"
datamodels = "paper"
[[method]]
name = "p"
kind = "prediction"
"""

RECIPE = {"network": '"mlp"', "hidden": "[2]", "width": "1.0", "dtype": '"float32"',
          "optimiser": '"sgd"', "momentum": "0.9", "nesterov": "true", "weight_decay": "0.0005",
          "beta1": "0.9", "beta2": "0.999", "epsilon": "1e-08", "schedule": '"triangle"',
          "peak_learning_rate": "0.1", "warmup": "0.2", "epochs": "20", "batch_size": "50"}


def model_metadata(**changes):
    metadata = {"expunge.recipe." + k: v for k, v in RECIPE.items()}
    metadata.update({"format": "pt", "expunge.input": "[1, 1, 2]", "expunge.classes": "2",
                     "expunge.mean": "[0.5]", "expunge.stddev": "[0.25]"})
    metadata.update(changes)
    return metadata


def model(**changes):
    return safetensors([("1.weight", "F32", [2, 2], floats(1, 2, 3, 4)),
                        ("1.bias", "F32", [2], floats(0, 1)),
                        ("3.weight", "F32", [2, 2], floats(1, 2, 3, 4)),
                        ("3.bias", "F32", [2], floats(0, 1))], model_metadata(**changes))


def ensemble(**changes):
    record = {"format": "expunge ensemble", "format_version": 1, "name": "subset", "models": 2,
              "training_examples": 3, "evaluation_points": 2, "classes": 2,
              "logits_dtype": "float32", "weights": False, "settings": {"seed": "0"}}
    record.update(changes)
    return json.dumps(record).encode()


def shard(rows):
    text = b"EXPSHRD1"
    for number, mask, logits in rows:
        record = longs(number) + mask + logits
        text += record + struct.pack("<I", zlib.crc32(record))
    return text


def certificate(version, previous=None):
    record = {"format": "expunge certificate 1", "desk": "d", "version": version,
              "created": "2026-01-31T12:00:00Z", "model_sha256": "0" * 64, "previous": previous}
    if version == 0:
        record.update({"examples": 3, "data": "x", "experiment": "e",
                       "options": {"desk": {"a": "1"}}, "software": {"expunge": "0.1.0"},
                       "not_promised": ["a"]})
        return json.dumps(record).encode()
    interval = {"value": 1.0, "low": 0.5, "high": None}
    three = {"removed_now": interval, "retained": interval, "validation": interval}
    record.update({
        "request": {"number": 1, "received": "2026-01-31T12:00:00Z", "named_by": "index",
                    "examples": 1, "removed_earlier": 0},
        "removed": [{"example": 1, "digest": "ab"}], "removed_in_all": 1, "remaining": 2,
        "method": {"name": "DMM", "prediction": "p", "predicted_for": "all", "started_from": "v",
                   "read": "r", "multiplier": 1.0, "matching": {"a": "1"},
                   "attribution": {"a": "1"}, "desk": {"a": "1"}, "seed": "s",
                   "logit_error_before": 1.0, "logit_error_after": None},
        "cost": {"sample_gradients": 10.0, "share_of_training": 0.1, "seconds": 1.0},
        "software": {"expunge": "0.1.0"},
        "prediction": dict(three, what="w", calibration="c", warnings=["w"],
                           margin_error=dict(three, what="w")),
        "audit": {"what": "w", "examples": 1, "before": 1.0, "after": 0.0,
                  "models_without_them": 0.0, "models_with_them": 1.0},
        "budget": {"level": 1.0, "budget": 2.0, "hard_limit": 3.0, "past_limit_by_order": False},
        "erasure": "e", "still_carrying": [{"what": "w", "without_it": "n"},
                                           {"what": "w", "erased": "2026-01-31T12:00:00Z"}],
        "not_promised": ["a"]})
    return json.dumps(record).encode()


PUBLIC_KEY = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""


def ledger(schema, *more):
    """The tables of expunge/desk/ledger.cpp, in the smallest pages that there are."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ledger.sqlite")
        database = sqlite3.connect(path)
        database.execute("PRAGMA page_size = 512")
        database.executescript(schema + """
PRAGMA application_id = 1165520967; PRAGMA user_version = 1;
INSERT INTO facts VALUES ('id', 'd'), ('keys', 'true');
INSERT INTO versions VALUES (0, 't', '%s', '%s', 0, 0, NULL);
INSERT INTO versions VALUES (1, 't', '%s', '%s', 0.5, 0.25, 't');
INSERT INTO examples VALUES (0, 'a', NULL), (1, NULL, 1), (2, 'b', NULL);
INSERT INTO requests(received, by_key, receipt, state, version) VALUES ('t', 0, 'r', 'processed', 1);
INSERT INTO requests(received, by_key, receipt, state) VALUES ('t', 1, 's', 'pending');
INSERT INTO request_examples VALUES (1, 1), (2, 0);
INSERT INTO events(at, what, version) VALUES ('t', 'desk opened', 0);
""" % ("0" * 64, "1" * 64, "2" * 64, "3" * 64) + "".join(more))
        database.commit()
        database.execute("VACUUM")
        database.close()
        with open(path, "rb") as file:
            return file.read()


def seeds():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(root, "expunge", "desk", "ledger.cpp"), encoding="utf-8") as file:
        schema = file.read().split('R"sql(')[1].split(')sql"')[0]
    cell = npy("<f4", (2, 2), floats(1, 2, 3, 4))
    masks = npy("|b1", (2, 3), bytes([1, 0, 1, 0, 1, 1]))
    logits = npy("<f4", (2, 2, 2), floats(*range(8)))
    completed = npy("|b1", (2,), b"\x01\x01")
    yield "npy", [
        cell, npy("<f2", (3,), halves(1, 2, 3), version=2), npy("|b1", (2,), b"\x00\x01"),
        npy("<i8", (), longs(7)), npy("|u1", (0, 5), b""), npy("<f8", (1, 2), b"\x00" * 16, 1, True),
        npy("<f4", (4, 4), floats(1)), npy("|b1", (2,), b"\x00\x02"), npy(">i4", (1,), b"\x00" * 4),
        npy("<f4", (1 << 40, 1 << 40), b"")]
    images = npy("|u1", (2, 2, 2), bytes(range(8)))
    labels = npy("<i8", (2,), longs(0, 1))
    yield "npy_pair", [
        LINE.join([images, labels, images, labels, b"cat\ndog\n"]),
        LINE.join([cell, npy("|u1", (2,), b"\x00\x01"), cell, npy("<i4", (2,), b"\x00" * 8)]),
        LINE.join([images, npy("<i8", (2,), longs(-1, 1 << 50)), images, labels])]
    idx_images = struct.pack(">IIII", 0x803, 2, 2, 2) + bytes(range(8))
    idx_labels = struct.pack(">II", 0x801, 2) + b"\x00\x01"
    yield "idx", [
        LINE.join([idx_images, idx_labels]),
        LINE.join([gzip.compress(idx_images, mtime=0), gzip.compress(idx_labels, mtime=0)]),
        LINE.join([struct.pack(">IIII", 0x803, 0, 1 << 31, 1 << 31), idx_labels]),
        LINE.join([struct.pack(">IIII", 0x803, 1 << 31, 1 << 31, 1), idx_labels]),
        LINE.join([gzip.compress(idx_images, mtime=0)[:-9], idx_labels])]
    ten = b"".join(b"n%d\n" % k for k in range(10))
    hundred = b"".join(b"n%d\n" % k for k in range(100))
    yield "cifar", [LINE.join([ten, b"\x01" + bytes(3072)]), LINE.join([ten, b"\x0a" + bytes(3072)]),
                    LINE.join([hundred, b"\x01\x63" + bytes(3072)]), LINE.join([ten, b"\x01"])]
    yield "safetensors", [
        safetensors([("a", "F32", [2, 2], floats(1, 2, 3, 4)), ("b", "BOOL", [1], b"\x01")],
                    {"format": "pt"}),
        safetensors([("h", "F16", [2], halves(1, 2)), ("i", "I64", [], longs(3)),
                     ("g", "BF16", [1], b"\x80\x3f"), ("z", "U8", [0, 7], b"")]),
        b"\x02\x00\x00\x00\x00\x00\x00\x00{}", b"\xff" * 8 + b"{}",
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}     ']
    yield "config", [CONFIG, CONFIG.replace(b"idx", b"npy").replace(b"mlp", b"convnet"),
                     b'[recipe]\nhidden = [1, 2]\n[[forget_set]]\nname="a"\nfile="a"\n',
                     b'[recipe]\nepoch = 3\n', b'a = {b = 1}\n', b'[data]\npath = """\na\\u0041"""\n',
                     b'[recipe]\nweight_decay = 1e400\nhidden = []\n']
    yield "sweep", [SWEEP, SWEEP.replace(b"scrub", b"salun"), b'[[method]]\nname = "a"\nkind = "gda"\n',
                    b'[[method]]\nname = "a"\nkind = "matching"\ntargets = ["oracle", "predicted"]\n']
    yield "forget_set", [b"1\n2\n3\n", b"# comment\n\n 7 # x\r\n99\n", b"1\n1\n", b"100\n", b"-1\n", b"9e9"]
    grey = png(2, 2, 8, 0, b"\x00\x01\x02\x00\x03\x04")
    yield "image", [
        grey, png(1, 1, 16, 2, b"\x00" + b"\x01\x02" * 3),
        png(2, 1, 8, 3, b"\x00\x00\x01", bytes(range(6)), 0, b"\x80"),
        png(2, 2, 8, 6, b"\x01" + bytes(range(8)) + b"\x02" + bytes(range(8)), b"", 1),
        png(4, 1, 1, 0, b"\x00\x50"), png(60000, 60000, 8, 2, b"\x00"),
        jpeg([0x11]), jpeg([0x22, 0x11, 0x11]), jpeg([0x11], progressive=True),
        jpeg([0x11] * 4), jpeg([0x11], restart=b"\xff\xdd\x00\x04\x00\x01")]
    block = safetensors([("kept", "I64", [2], longs(0, 1)), ("images", "U8", [2, 1, 1, 1], b"\x07\x08")],
                        {"skipped": "[]"})
    flat = safetensors([("kept", "I64", [2], longs(0, 1)), ("images", "U8", [2], b"\x07\x08")],
                       {"skipped": "[]"})
    far = safetensors([("kept", "I64", [2], longs(1 << 40, -1)), ("images", "F32", [2, 9, 0, 3], b"")],
                      {"skipped": "[]"})
    pixels = npy("|u1", (2, 1, 1, 1), b"\x07\x08")
    record = {"format_version": 1, "name": "pictures", "files": 2, "images": 2, "skipped": [],
              "kept": [], "crc32": zlib.crc32(b"\x07\x08")}
    one = npy("|u1", (1, 1, 1, 1), b"\x07")
    yield "image_cache", [
        LINE.join([json.dumps(record).encode(), pixels]), LINE.join([b"", b"", block]), LINE.join([b"", b"", flat]),
        LINE.join([b"", b"", far]),
        LINE.join([json.dumps(dict(record, images=1, kept=[1], skipped=["a: no"],
                                   crc32=zlib.crc32(b"\x07"))).encode(), one]),
        LINE.join([json.dumps(dict(record, images=-1, crc32=1e30)).encode(), pixels])]
    yield "csv", [b"a,b,y\n1,2,3\n4,5e3,6\n", b'x,"y"\r\n"1",a\r\n+2,"b ""c"""\r\n',
                  b"id,user\n1,ann\n2,\n3,bob\n", b"\xef\xbb\xbfa,y\n1,nan\n", b'a,y\n1\n', b'a,y\n"1,2\n']
    rows = [(k, bytes([1, 0, 1]), floats(1, 2, 3, 4)) for k in range(2)]
    yield "store", [
        LINE.join([ensemble(), b"", masks, logits, completed]),
        LINE.join([ensemble(), shard(rows)]), LINE.join([ensemble(), shard(rows)[:-7]]),
        LINE.join([ensemble(models=1000, weights=True), shard(rows[:1])]),
        LINE.join([ensemble(models=1 << 62, classes=-1)]),
        LINE.join([ensemble(logits_dtype="float16", training_examples=1 << 50), shard(rows)])]
    yield "model", [
        model(), model(**{"expunge.recipe.hidden": "[]"}), model(**{"expunge.classes": "1000000000000"}),
        model(**{"expunge.recipe.hidden": "[4611686018427387904]"}),
        model(**{"expunge.recipe.network": '"convnet"', "expunge.recipe.width": "0.01"}),
        model(**{"expunge.recipe.network": '"resnet9"', "expunge.input": "[1, 12, 12]"})]
    yield "datamodels", [
        LINE.join([masks, logits, b"", completed]), LINE.join([masks, b"", cell]),
        LINE.join([masks, npy("<f8", (2, 1, 2), b"\x00" * 32), b"", npy("|b1", (2,), b"\x00\x01")]),
        LINE.join([masks, b"", npy("<f2", (2, 2), halves(1, 2, float("nan"), 4))])]
    retain = npy("<f4", (2, 2), floats(1, 2, 3, 4))
    val = npy("<f4", (1, 2), floats(5, 6))
    forget = npy("<i8", (1,), longs(1))
    flat = [npy("<f4", (2,), floats(1, 2)), npy("<f4", (1,), floats(5))]
    yield "easydub", [
        LINE.join([forget, retain, val, val, val, val, val]),
        LINE.join([forget, flat[0], flat[1], flat[1], flat[1], flat[1]]),
        LINE.join([npy("<i8", (1,), longs(-1)), retain, val, val, val, val])]
    scores = npy("<f4", (2, 2), floats(1, 2, 0, -1))
    yield "trak", [
        LINE.join([b'{"a": {"num_targets": 2, "scores_path": "x"}}', b'{"train set size": 2}', scores]),
        LINE.join([b'{"a": {"num_targets": 2.5}}', b'{"train set size": 18446744073709551615}', scores]),
        LINE.join([b'[]', b'{}', npy("<f2", (1, 1), halves(3))]),
        LINE.join([b'{"b": 1, "c\\n": 2}', b'{}', npy("<f2", (1, 1), halves(0))])]
    second = {"version": 0, "certificate_sha256": "1" * 64, "model_sha256": "0" * 64}
    yield "certificate", [
        LINE.join([PUBLIC_KEY, certificate(0), certificate(1, second)]), LINE.join([PUBLIC_KEY, certificate(0)]),
        LINE.join([PUBLIC_KEY, certificate(1), b"{}"]), LINE.join([b"", certificate(0)])]
    yield "ledger", [
        ledger(schema),
        ledger(schema, "PRAGMA ignore_check_constraints = 1; UPDATE requests SET version = NULL WHERE request = 1;")]


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    for reader, files in seeds():
        folder = os.path.join(sys.argv[1], reader)
        os.makedirs(folder, exist_ok=True)
        for number, content in enumerate(files):
            with open(os.path.join(folder, f"seed-{number:02}"), "wb") as file:
                file.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
