"""What has to be there before anything is measured: public packages, our programs, and the arrays that all are given."""
import json
import os
import shutil
import sys

from suite.common import BUILD, IMAGES, PEERS, PYTHON, ROOT, VENV, SetupError, call, say

EASYDUB_URL = "https://github.com/easydub/EasyDUB-code"
EASYDUB_COMMIT = "5de3c4cd1b9b55308e745291e878403c47e98c47"


def install():
    """The virtual environment; says which requirements did not install."""
    path = os.path.join(PEERS, "requirements.txt")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    stamp = os.path.join(VENV, "installed.txt")
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read() == text:
                return
    if not os.path.exists(PYTHON):
        call([sys.executable, "-m", "venv", VENV], "virtual environment")
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    say("installing public packages in build/benchmarks-venv")
    try:
        call([*pip, "-r", path], "pip")
    except SetupError as error:
        say(f"{error}; one by one")
        for requirement in (line for line in text.splitlines() if line and not line.startswith("#")):
            try:
                call([*pip, requirement], requirement)
            except SetupError as one:
                say(f"NOT INSTALLED: {one}")
        return
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(text)


def clone_easydub(folder):
    """"" if EasyDUB's code is in `folder` at its commit, else why it is not."""
    if os.path.exists(os.path.join(folder, "easydub", "eval.py")):
        return ""
    shutil.rmtree(folder, ignore_errors=True)
    say(f"cloning {EASYDUB_URL}")
    try:
        call(["git", "clone", "--quiet", EASYDUB_URL, folder], "git clone")
        call(["git", "-C", folder, "checkout", "--quiet", EASYDUB_COMMIT], "git checkout")
    except (SetupError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        return f"EasyDUB's code was not to be had: {error}"
    return ""


def build(programs):
    """The programs of ours that the cases need, and what makes the model."""
    torch = os.environ.get("EXPUNGE_TORCH_DIR")
    say("building in build/bench")
    call(["cmake", "--preset", "bench", "-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=8",
          *([f"-DEXPUNGE_TORCH_DIR={torch}"] if torch else [])], "cmake", cwd=ROOT)
    call(["cmake", "--build", BUILD, "--target", *programs], "build")


def make_inputs(out, kinds, sizes):
    """The arrays that the cases need, unless they are there in these sizes."""
    folder = os.path.join(out, "inputs")
    os.makedirs(folder, exist_ok=True)
    stamp = os.path.join(folder, "sizes.json")
    there = {}
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            there = json.load(file)
    models, points = max(sizes["klom_models"][-1], sizes["klom"][0]), max(sizes["klom_points"][-1], sizes["klom"][1])
    wanted = {"klom": [models, points], "ridge": list(sizes["ridge_arrays"]), "lasso": list(sizes["lasso"]),
              "gradients": [sizes["train"], sizes["points"]]}
    for kind in kinds:
        if there.get(kind) == wanted[kind]:
            continue
        say(f"making the arrays of {kind}")
        command = [PYTHON, os.path.join(PEERS, "make_inputs.py"), folder]
        if kind == "gradients":
            model = make_model(folder, sizes["train"])
            command += ["--model", model, "--images", str(sum(wanted[kind])), "--data", IMAGES]
        else:
            command += [f"--{kind}", ",".join(map(str, wanted[kind]))]
        call(command, "make_inputs.py")
        there[kind] = wanted[kind]
        with open(stamp, "w", encoding="utf-8") as file:
            json.dump(there, file)


def make_model(folder, examples):
    """A trained MLP, of an experiment with the fewest models that it may have."""
    experiment = os.path.join(folder, "experiment")
    shutil.rmtree(experiment, ignore_errors=True)
    config = os.path.join(folder, "model.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f'name = "benchmark"\n[data]\nformat = "idx"\npath = "{IMAGES}"\ntrain_examples = {examples}\n'
                   "validation_examples = 100\n[ensembles]\nseed = 0\nfull_models = 2\nsubset_models = 2\n"
                   'oracle_models = 4\n[[forget_set]]\nname = "first"\nfile = "first.txt"\n')
    with open(os.path.join(folder, "first.txt"), "w", encoding="utf-8") as file:
        file.write("0\n")
    call([os.path.join(BUILD, "bin", "expunge"), "train", config, "--out", experiment, "--quiet"], "expunge train")
    model = os.path.join(folder, "model.safetensors")
    shutil.copy(os.path.join(experiment, "full", "weights", "00000.safetensors"), model)
    return model


def modules_there(names):
    """Which of these modules the virtual environment has."""
    if not os.path.exists(PYTHON):
        return set()
    code = ("import importlib.util, sys\n"
            "print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n) is not None])")
    return set(call([PYTHON, "-c", code, *sorted(names)], "virtual environment").split())
