"""expunge launch slurm against a real Slurm: a controller and two nodes on this machine, on the loopback
interface, which are started and ended by this file. Where Slurm is not installed, or this is not root, the
file ends with exit code 77 (skipped) and says why.

    apt-get install slurm-wlm munge        # scripts/install-dependencies --tests does
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import cli

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "munged")

CONF = """ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/s,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/ctld
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/%n.pid
PlugStackConfig={folder}/plugstack.conf
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
SlurmdParameters=config_overrides
MinJobAge=4
KillWait=2
NodeName=n0 NodeHostname={host} NodeAddr=127.0.0.1 Port={port0} CPUs=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port1} CPUs=2
PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """Why there is nothing to be tested with; empty if there is."""
    if os.environ.get("EXPUNGE_SANITIZED"):
        return "under a sanitizer: starts take too long for the times that it waits"
    absent = [name for name in PROGRAMS if not find(name)]
    if absent:
        return "not installed: " + ", ".join(absent)
    return "" if os.geteuid() == 0 else "slurmd needs root"


def find(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_ports(count):
    """Ports that nobody listens on, below those that outgoing connections take."""
    found = []
    for port in range(20000 + os.getpid() % 8000, 32000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError("no free ports")


def environment_of(process):
    try:
        with open(f"/proc/{process}/environ", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def processes_with(*variables):
    return [int(process) for process in filter(str.isdigit, os.listdir("/proc"))
            if set(variables) <= set(environment_of(process))]


class Cluster:
    """A controller and two nodes."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="expunge-slurm-")
        os.chmod(self.folder, 0o755)
        for name in ("ctld", "n0", "n1", "munge"):
            os.mkdir(os.path.join(self.folder, name))
        port, port0, port1 = free_ports(3)
        self.conf = self.write("slurm.conf", CONF.format(folder=self.folder, port=port, port0=port0, port1=port1,
                                                         host=socket.gethostname().split(".")[0]))
        self.write("plugstack.conf", "")
        key = self.write("munge/key", os.urandom(512).hex())
        os.chmod(key, 0o600)
        self.environment = {**os.environ, "SLURM_CONF": self.conf}
        self.daemons = {}
        try:
            self.start_daemons(key)
        except BaseException:
            self.end_daemons()
            raise

    def start_daemons(self, key):
        munge = os.path.join(self.folder, "munge")
        self.daemons["munged"] = self.start(
            "munged", "-F", "--origin=127.0.0.1", f"--key-file={key}", f"--socket={munge}/s",
            f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed")
        self.wait_for(lambda: os.path.exists(f"{munge}/s"), "munged")
        self.daemons["slurmctld"] = self.start("slurmctld", "-D", "-f", self.conf)
        for node in ("n0", "n1"):
            # What tells a node's processes from the other's: they inherit it.
            self.daemons[node] = self.start("slurmd", "-D", "-N", node, "-f", self.conf,
                                            EXPUNGE_TEST_NODE=f"{self.folder}:{node}")
        self.wait_for(lambda: self.call("sinfo", "-h", "-o", "%D %t").split() == ["2", "idle"], "two idle nodes")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self, program, *arguments, **variables):
        with open(os.path.join(self.folder, "daemons.log"), "ab") as log:
            return subprocess.Popen([find(program), *arguments], env={**self.environment, **variables}, stdout=log,
                                    stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def call(self, *arguments):
        done = subprocess.run(arguments, env=self.environment, capture_output=True, text=True, timeout=30)
        return done.stdout

    @staticmethod
    def wait_for(holds, what, seconds=60):
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                raise TimeoutError(what)
            time.sleep(0.1)

    def queue(self):
        return self.call("squeue", "-h", "-r", "-o", "%F_%K %j %T %N").splitlines()

    def jobs_on(self, node):
        """The processes of the jobs' own that run there."""
        return processes_with(f"SLURM_CONF={self.conf}", f"SLURMD_NODENAME={node}")

    @contextlib.contextmanager
    def held(self):
        """Nothing that the jobs have started goes on."""
        held = self.jobs_on("n0") + self.jobs_on("n1")
        self.signal(held, signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(held, signal.SIGCONT)

    @staticmethod
    def signal(processes, number):
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def processes(self):
        """A line for each process of the jobs: where, its number, its state as the kernel tells, its command."""
        lines = []
        for node in ("n0", "n1"):
            for process in self.jobs_on(node):
                try:
                    with open(f"/proc/{process}/stat", encoding="utf-8") as stat:
                        _, name, rest = re.split(r"[()]", stat.read(), maxsplit=2)
                except OSError:
                    continue
                lines.append(f"{node} {process} {rest.split()[0]} {name}")
        return lines

    def lose(self, node):
        """As when the machine's power fails: everything on it ends at once and says nothing."""
        self.daemons[node].send_signal(signal.SIGSTOP)
        # The daemons first, which would report what they see.
        self.signal(processes_with(f"EXPUNGE_TEST_NODE={self.folder}:{node}"), signal.SIGKILL)
        jobs = self.jobs_on(node)
        self.signal(jobs, signal.SIGKILL)
        self.daemons[node].wait()
        self.call("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=lost")
        return len(jobs)

    def close(self):
        self.call("scancel", "--user=root")
        try:
            self.wait_for(lambda: not self.queue(), "an empty queue", 30)
        finally:
            self.end_daemons()

    def end_daemons(self):
        for name in ("n0", "n1", "slurmctld", "munged"):
            if name not in self.daemons:
                continue
            daemon = self.daemons[name]
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def results(folder):
    return {name: digest for name, digest in cli.contents(folder).items()
            if name.endswith((".npy", ".safetensors", ".csv")) and "/shards/" not in name}


class Slurm(cli.Scratch):
    def setUp(self):
        super().setUp()
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        cli.tiny_experiment(self.folder, epochs=9000, subset=12, full=6, oracles=10)

    def launch(self, *arguments, **keywords):
        return self.succeeds("launch", "slurm", "tiny.toml", "--out", "out", *arguments,
                             env=self.cluster.environment, **keywords)

    def status(self):
        return json.loads(self.succeeds("status", "out", "--json", env=self.cluster.environment))

    def done(self):
        return sum(store["done"] for store in self.status()["stores"])

    def wait_until_done(self):
        try:
            self.cluster.wait_for(lambda: not self.cluster.queue(), "all jobs done", 400)
        except TimeoutError:
            self.fail("\n".join(self.cluster.queue() + self.cluster.processes()) + self.logs())

    def logs(self):
        text = ""
        for name in sorted(os.listdir(self.path("out/slurm"))):
            if name.endswith(".log"):
                with open(self.path(f"out/slurm/{name}"), encoding="utf-8") as file:
                    text += f"\n{name}:\n{file.read()}"
        return text

    def test_two_nodes_one_of_them_lost_leave_what_one_process_leaves(self):
        self.succeeds("run", "tiny.toml", "--out", "whole", "--quiet")
        submitted = json.loads(self.launch("--tasks", 6, "--json"))
        self.assertEqual([job["tasks"] for job in submitted["jobs"]], [6, 1, 6, 1])
        job = submitted["jobs"][0]["id"]
        # The queue names a node before anything runs there.
        self.cluster.wait_for(lambda: self.begun() >= 3 and self.cluster.jobs_on("n1"), "the first rows")

        # Held still, so that there is time to look, by signals of our own: Slurm's suspension frees the processors
        # for the tasks that wait, and once a task that it had resumed never went on. What tasks note is up to a
        # second old: the row that one names may be done by now, but not every time.
        for _ in range(5):
            with self.cluster.held():
                status = self.status()
                text = self.succeeds("status", "out", env=self.cluster.environment)
                self.refuses_to_launch_twice()
            if any(store["running"] for store in status["stores"]):
                break
            time.sleep(0.3)
        self.assertGreater(sum(store["done"] for store in status["stores"]), 0)
        self.assertGreater(sum(store["running"] for store in status["stores"]), 0, status)
        self.assertRegex(text, rf"job {job} \(train\): .*RUNNING")
        self.assertRegex(text, r"job \d+ \(attribute\): 1 PENDING")
        self.cluster.wait_for(lambda: self.cluster.jobs_on("n1"), "a task on the node to be lost")
        self.assertGreater(self.cluster.lose("n1"), 0, self.cluster.queue())
        self.assertLess(self.done(), 28, "the node was lost too late")

        self.wait_until_done()
        self.assertEqual(results(self.path("out")), results(self.path("whole")), self.logs())
        tasks = self.status()["tasks"]
        self.assertGreater(sum(task["restarts"] for task in tasks), 0, tasks)
        self.assertEqual({task["state"] for task in tasks}, {"finished"}, tasks)
        self.assertTrue(os.path.exists(self.path("out/report.html")))

    def begun(self):
        """Tasks that have written a row."""
        folders = [self.path(f"out/{name}/shards") for name in ("subset", "full", "oracle-three")]
        return sum(len(os.listdir(folder)) for folder in folders if os.path.isdir(folder))

    def refuses_to_launch_twice(self):
        done = self.run_here("launch", "slurm", "tiny.toml", "--out", "out", "--tasks", 6,
                             env=self.cluster.environment)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no jobs of this experiment in Slurm's queue required, got ", done.stderr)

    def test_a_requeued_and_a_cancelled_task_are_made_up_for(self):
        self.succeeds("train", "tiny.toml", "--out", "whole", "--quiet")
        job = json.loads(self.launch("--tasks", 4, "--json"))["jobs"][0]["id"]
        self.cluster.wait_for(lambda: self.begun() >= 2, "the first rows")
        self.cluster.call("scontrol", "requeue", f"{job}_1")
        self.cluster.call("scancel", f"{job}_2")
        self.wait_until_done()
        whole = results(self.path("whole"))
        self.assertEqual({name: digest for name, digest in results(self.path("out")).items() if name in whole}, whole,
                         self.logs())
        self.assertTrue(os.path.exists(self.path("out/report.html")), self.logs())
        # All is there: the same command has the results to make alone.
        again = json.loads(self.launch("--tasks", 4, "--json"))
        self.assertEqual([job["name"] for job in again["jobs"]], ["evaluate"])
        self.wait_until_done()

    def test_a_sweep_leaves_what_one_process_leaves(self):
        self.text("grid.toml", """name = "few"
[[datamodels]]
name = "half"
subset_models = 10
alpha = 0.5
[[method]]
name = "ascent"
kind = "gradient_ascent"
learning_rate = [1e-4, 1e-3]
[[method]]
name = "DMM"
kind = "matching"
datamodels = "half"
""")
        self.succeeds("sweep", "tiny.toml", "grid.toml", "--out", "whole", "--quiet")
        self.launch("--tasks", 3, "--sweep", "grid.toml")
        self.wait_until_done()
        arrays = [{name: digest for name, digest in results(self.path(folder)).items() if name.endswith(".npy")}
                  for folder in ("out", "whole")]
        self.assertEqual(*arrays, self.logs())
        self.assertTrue(os.path.exists(self.path("out/sweep/few.csv")))
        self.assertIn("sweep/three/dmm-", json.dumps(self.status()))

    def test_what_fails_ends_the_jobs_that_wait_for_it(self):
        self.launch("--tasks", 2)
        os.rename(self.path("train_images.npy"), self.path("gone.npy"))
        self.wait_until_done()
        self.assertFalse(os.path.exists(self.path("out/report.html")))

    def test_what_sbatch_refuses_is_told(self):
        done = self.run_here("launch", "slurm", "tiny.toml", "--tasks", 2, "--", "--partition=none",
                             env=self.cluster.environment)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Aexpunge: sbatch refused the job train: [^\n]*partition[^\n]*\n\Z")
        self.assertEqual(self.cluster.queue(), [])


if __name__ == "__main__":
    reason = missing()
    if reason:
        print("skipped: " + reason)
        sys.exit(77)
    cli.main()
