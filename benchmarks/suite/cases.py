"""What is measured: cases, in which programs do the same work, and sweeps, in which one size grows."""
import os
from dataclasses import dataclass, field

from suite.common import BUILD, CORES, IMAGES, PEERS, PYTHON

FULL = {
    "models": 48, "peer_models": 16, "batch": 1000,
    "klom": (100, 60000), "klom_models": (25, 50, 100, 200), "klom_points": (3750, 7500, 15000, 30000, 60000),
    "ridge": (1000, 10000, 12000), "forget": 100,
    "ridge_N": (250, 500, 1000, 2000), "ridge_n": (1250, 2500, 5000, 10000), "ridge_m": (12000, 24000, 48000, 96000),
    "ridge_arrays": (2000, 10000, 96000),
    "lasso": (2000, 2000, 64), "train": 2000, "points": 1000, "dimensions": 1024,
}
SMALL = {
    "models": 2, "peer_models": 2, "batch": 100,
    "klom": (20, 1000), "klom_models": (10, 20, 40), "klom_points": (250, 500, 1000),
    "ridge": (200, 400, 500), "forget": 10,
    "ridge_N": (50, 100, 200), "ridge_n": (100, 200, 400), "ridge_m": (500, 1000, 2000),
    "ridge_arrays": (200, 400, 2000),
    "lasso": (200, 100, 4), "train": 200, "points": 100, "dimensions": 64,
}


@dataclass
class Program:
    """A command that prints one JSON line with `seconds` (a list) or `models_per_s`."""
    name: str
    command: list
    needs: tuple = ()  # modules of the virtual environment, or "easydub"
    measure: str = "seconds"
    ours: bool = False


@dataclass
class Case:
    """Programs that do the same work, ours first."""
    name: str
    title: str
    programs: list
    inputs: tuple = ()
    note: str = ""


@dataclass
class Sweep:
    """Cost as one size grows: programs are made for each size."""
    name: str
    title: str
    axis: str
    sizes: tuple
    make: object  # of a size: a list of Programs
    inputs: tuple = ()
    note: str = ""
    programs: list = field(default_factory=list)


def ours(name, program, *words, measure="seconds"):
    return Program(name, [os.path.join(BUILD, "benchmarks", program), *map(str, words)], (), measure, True)


def peer(name, needs, script, *words, measure="seconds"):
    return Program(name, [PYTHON, os.path.join(PEERS, script), *map(str, words)], needs, measure)


def catalogue(s, out, easydub):
    """All cases and sweeps, of the sizes `s`; arrays lie in out/inputs."""
    def array(name):
        return os.path.join(out, "inputs", f"{name}.npy")

    def result(name):
        return os.path.join(out, "inputs", f"our-{name}.npy")

    def training(mode, *more):
        return peer(f"PyTorch, {mode}", ("torch", "numpy"), "train_mlp.py", "--mode", mode, "--threads", CORES,
                    "--models", s["peer_models"], *more, measure="models_per_s")

    klom = (array("unlearned"), array("oracles"))
    ridge = (array("masks"), array("margins"))
    lasso = (array("lasso_masks"), array("lasso_targets"))
    gradients = (os.path.join(out, "inputs", "model.safetensors"), array("inputs"), array("labels"))

    def ridge_words(models, examples, points):
        # As strong as the signal of one example: the ratio 1 of --lambda_ratio.
        return ["--models", models, "--examples", examples, "--points", points, "--forget", s["forget"],
                "--lambda", examples / 4]

    def ridge_sweep(models, examples, points):
        words = ridge_words(models, examples, points)
        return [ours("expunge, plain ridge", "ridge_benchmark", *ridge, *words, "--workers", CORES, "--repeats", 3),
                ours("expunge, prior adaptive", "ridge_benchmark", *ridge, *words, "--workers", CORES, "--repeats", 3,
                     "--prior", "adaptive"),
                peer("NumPy, the dual", ("numpy", "scipy", "sklearn"), "ridge.py", "dual", *ridge, *words,
                     "--threads", CORES)]

    def klom_sweep(models, points):
        words = ["--models", models, "--points", points]
        return [ours("expunge", "klom_files_benchmark", *klom, *words, "--convention", "easydub", "--workers", CORES),
                peer("EasyDUB", ("torch", "easydub"), "klom_easydub.py", easydub, *klom, *words)]

    def gradient(mode, name, needs, *more):
        return peer(name, ("torch", "safetensors", *needs), "gradient_scores.py", mode, *gradients, "--train",
                    s["train"], "--dimensions", s["dimensions"], "--threads", CORES, *more)

    trak, ekfac = result("trak"), result("ekfac")
    models, examples, points = s["ridge"]
    klom_models, klom_points = s["klom"]
    return [
        Case("training", "Ensemble training: MLP 784-128-10, 1,000 images, 20 epochs, batches of 50", [
            ours("expunge", "train_benchmark", "--models", s["models"], "--workers", CORES, "--data", IMAGES,
                 measure="models_per_s"),
            training("eager"), training("eager-processes"), training("vmap"), training("vmap-compile"),
            training("batched-compile")],
            note="Compilation and a short run to warm up are not counted. eager-processes: the memory is that of the "
                 "largest of its processes, one a core."),
        Case("klom", f"KLoM: {klom_points:,} points, {klom_models} models against {klom_models}", [
            ours("expunge", "klom_files_benchmark", *klom, "--models", klom_models, "--points", klom_points,
                 "--convention", "easydub", "--workers", CORES, "--out", result("klom")),
            peer("EasyDUB", ("torch", "easydub"), "klom_easydub.py", easydub, *klom, "--models", klom_models,
                 "--points", klom_points, "--compare", result("klom"))],
            ("klom",), "Both by EasyDUB's convention. EasyDUB's function is a loop on one thread."),
        Case("ridge", f"Ridge datamodels: {models:,} models, {examples:,} examples, {points:,} points, "
             f"{s['forget']} examples removed", [
            ours("expunge", "ridge_benchmark", *ridge, *ridge_words(*s["ridge"]), "--workers", CORES, "--out",
                 result("ridge")),
            peer("scikit-learn", ("sklearn",), "ridge.py", "sklearn", *ridge, *ridge_words(*s["ridge"]), "--threads",
                 CORES, "--compare", result("ridge")),
            peer("NumPy, the dual", ("scipy", "sklearn"), "ridge.py", "dual", *ridge, *ridge_words(*s["ridge"]),
                 "--threads", CORES, "--compare", result("ridge"))],
            ("ridge",), "scikit-learn makes every coefficient, which serve any further removal; the two others only "
            "what this removal needs."),
        Case("lasso", "LASSO datamodels: {:,} models, {:,} examples, {} targets".format(*s["lasso"]), [
            ours("expunge", "lasso_benchmark", *lasso, "--workers", CORES, "--out", result("lasso")),
            *(peer(name, needs, "lasso.py", mode, *lasso, "--threads", CORES, "--repeats", 3,
                   "--compare", result("lasso"))
              for name, mode, needs in (("scikit-learn", "sklearn", ("sklearn",)), ("celer", "celer", ("celer",)),
                                        ("FISTA in PyTorch", "fista", ("torch",))))],
            ("lasso",), "Each target's penalty is a tenth of its largest useful one; all stop at a gap of 1e-4."),
        Case("trak", f"TRAK: {s['train']:,} examples, {s['points']:,} points, {s['dimensions']:,} directions", [
            ours("expunge", "gradient_benchmark", "trak", *gradients, "--train", s["train"], "--dimensions",
                 s["dimensions"], "--workers", CORES, "--out", trak),
            gradient("traker", "traker", ("trak",), "--batch", s["batch"], "--compare", trak),
            gradient("dattri-trak", "dattri", ("dattri",), "--batch", s["batch"], "--compare", trak)],
            ("gradients",), "Projections differ, and with them the scores of one model: no agreement is expected."),
        Case("influence", f"EK-FAC influence: {s['train']:,} examples, {s['points']:,} points, one MLP", [
            ours("expunge, labels drawn", "gradient_benchmark", "ekfac", *gradients, "--train", s["train"], "--labels",
                 "drawn", "--workers", CORES, "--out", ekfac),
            gradient("kronfluence", "kronfluence", ("kronfluence",), "--compare", ekfac),
            gradient("dattri-ekfac", "dattri", ("dattri",), "--batch", s["train"], "--compare", ekfac)],
            ("gradients",), "One label an example, drawn by each program for itself: that draw is most of what "
            "differs. dattri has one damping for all layers."),
        Sweep("ridge-n", f"Ridge: N = {models:,} models, m = {points:,} points", "training examples n", s["ridge_n"],
              lambda size: ridge_sweep(models, size, points), ("ridge",)),
        Sweep("ridge-m", f"Ridge: N = {models:,} models, n = {s['ridge_n'][-1]:,} examples", "evaluation points m",
              s["ridge_m"], lambda size: ridge_sweep(models, s["ridge_n"][-1], size), ("ridge",)),
        Sweep("ridge-N", f"Ridge: n = {examples:,} examples, m = {points:,} points", "subset models N", s["ridge_N"],
              lambda size: ridge_sweep(size, examples, points), ("ridge",)),
        Sweep("klom-points", f"KLoM: {klom_models} models against {klom_models}", "points", s["klom_points"],
              lambda size: klom_sweep(klom_models, size), ("klom",)),
        Sweep("klom-models", f"KLoM: {s['klom_points'][1]:,} points", "models a side", s["klom_models"],
              lambda size: klom_sweep(size, s["klom_points"][1]), ("klom",)),
        Sweep("training-cores", "Training: MLP 784-128-10", "cores", core_counts(), lambda size: [
            ours("expunge", "train_benchmark", "--models", s["models"], "--workers", size, "--data", IMAGES,
                 measure="models_per_s"),
            peer("PyTorch, eager-processes", ("torch", "numpy"), "train_mlp.py", "--mode", "eager-processes",
                 "--threads", size, "--models", s["peer_models"], measure="models_per_s")]),
    ]


def core_counts():
    """1, 2, 4 ... and all."""
    counts = [1]
    while counts[-1] * 2 <= CORES:
        counts.append(counts[-1] * 2)
    return tuple(sorted({*counts, CORES}))
