"""A real SLURM for tests: a controller and two nodes with a pretended GPU each, all on this machine.

It lives in namespaces of its own. There is no network in it but loopback, so what runs there cannot reach
the internet; its configuration and state lie in a memory file system that only it sees; and when its first
process ends, the kernel ends all others. Nothing is left behind, even if the tests themselves are killed.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

HOME = Path("/etc/slurm")  # where SLURM looks without SLURM_CONF, which a job step does not pass on
NODES = ("node1", "node2")
SCRATCH = Path("/mnt")  # a disk of its own, of both nodes
GPUS = 1  # a node
CPUS = 4
MEM_MB = 16000

PROGRAMS = {"slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client", "munged": "munge"}

CONF = f"""\
ClusterName=test
SlurmctldHost=login(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={HOME}/munge.socket
CredType=cred/munge
StateSaveLocation={HOME}/state
SlurmdSpoolDir={HOME}/spool/%n
SlurmctldPidFile={HOME}/slurmctld.pid
SlurmdPidFile={HOME}/%n.pid
SlurmctldLogFile={HOME}/slurmctld.log
SlurmdLogFile={HOME}/%n.log
# no cgroups, no binding: works in any container or virtual machine
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1
EnforcePartLimits=ALL
# a job that uses more than it asked for is ended
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
# a node that does not answer is soon given up; a job is known for long after its end
SlurmdTimeout=10
KillWait=5
MinJobAge=86400
ReturnToService=2
"""
PARTITIONS = f"""\
PartitionName=cpu Nodes={",".join(NODES)} Default=YES MaxTime=120 DefaultTime=10 State=UP
PartitionName=gpu Nodes={",".join(NODES)} MaxTime=120 DefaultTime=10 State=UP
"""


def install() -> None:
    """Install what is missing of SLURM, from Debian's packages; that, and namespaces, take root."""
    assert os.geteuid() == 0, "the tests on a real SLURM have to be run by root"
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if missing:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "-qq", "--no-install-recommends", *missing]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


class Cluster:
    """Started on construction, gone after ``stop``. ``run`` runs a command on its login node."""

    def __init__(self):
        HOME.mkdir(exist_ok=True)  # a place to mount on
        # The first process adopts the daemons; ignoring SIGCHLD, it leaves no zombies.
        first = ["sh", "-c", "trap '' CHLD; exec sleep infinity"]
        unshare = ["unshare", "--net", "--uts", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child"]
        self._unshare = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *unshare, "--", *first])
        self._first = self._wait_for(self._child)
        self.run(["sh", "-ec", self._setup()])
        for node in NODES:
            self.start_node(node)
        self.start_controller()
        self._wait_for(lambda: self.nodes("idle") == set(NODES))

    def _child(self) -> int | None:
        path = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children")
        children = path.read_text().split()
        # Before `sh` is there, the mounts are not.
        if children and Path(f"/proc/{children[0]}/comm").read_text().strip() == "sleep":
            return int(children[0])
        return None

    def _setup(self) -> str:
        nodes = "\n".join(
            f"NodeName={node} NodeHostname=login NodeAddr=127.0.0.1 Port={17001 + number} "
            f"CPUs={CPUS} RealMemory={MEM_MB} Gres=gpu:{GPUS} State=UNKNOWN"
            for number, node in enumerate(NODES)
        )
        # slurmd wants devices whose names end in a number, and touches none of them
        gres = "AutoDetect=off\nName=gpu File=" + f"{HOME}/nvidia[0-{GPUS - 1}]\n"
        files = {
            "slurm.conf": f"{CONF}{nodes}\n{PARTITIONS}",
            "gres.conf": gres,
            "hosts": "127.0.0.1 login localhost\n",
        }
        write = "\n".join(f"printf %s {shlex.quote(text)} > {HOME}/{name}" for name, text in files.items())
        return f"""\
hostname login
ip link set lo up
# SLURM looks names up only where some address is not 127.x; this one is for documentation, and never used
ip address add 192.0.2.1/32 dev lo
mount -t tmpfs -o mode=755 tmpfs {HOME}
mkdir -p {HOME}/state {HOME}/munge {" ".join(f"{HOME}/spool/{node}" for node in NODES)}
for gpu in $(seq 0 {GPUS - 1}); do ln -s /dev/null {HOME}/nvidia$gpu; done
{write}
mount -t tmpfs -o size=100m tmpfs {SCRATCH}
mount --bind {HOME}/hosts /etc/hosts
chmod 700 {HOME}/munge
head -c 1024 /dev/urandom > {HOME}/munge/key
chmod 600 {HOME}/munge/key
munged --key-file={HOME}/munge/key --socket={HOME}/munge.socket --pid-file={HOME}/munged.pid \
    --log-file={HOME}/munge/log --seed-file={HOME}/munge/seed --num-threads=2
"""

    def inside(self, command: list[str], folder: Path | str = "/") -> list[str]:
        """The command that runs ``command`` in ``folder`` on the login node."""
        return [
            "nsenter",
            f"--target={self._first}",
            "--net",
            "--uts",
            "--pid",
            "--mount",
            f"--wdns={folder}",
            *command,
        ]

    def run(self, command: list[str], folder: Path | str = "/", check: bool = True) -> str:
        """Run a command on the login node; return what it printed."""
        done = subprocess.run(self.inside(command, folder), capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def nodes(self, *states: str) -> set[str]:
        """The nodes in one of these states."""
        listed = self.run(["sinfo", "-h", "-N", "-t", ",".join(states), "-o", "%N"], check=False)
        return set(listed.split()) & set(NODES)

    def jobs(self, columns: str, *states: str) -> list[list[str]]:
        """A row a job, with squeue's columns (such as ``%i %T``), in the order of submission."""
        listed = self.run(
            ["squeue", "-h", "-t", ",".join(states) or "all", "-S", "i", "-o", columns.replace(" ", "|")]
        )
        return [line.split("|") for line in listed.splitlines()]

    def kill(self, command: str) -> None:
        """Kill every process whose command begins so."""
        self._signal(
            signal.SIGKILL, [pid for pid, running in self._processes() if running.startswith(command)]
        )

    def start_controller(self) -> None:
        """Start slurmctld, and wait until it answers."""
        self.run(["slurmctld"])
        self._wait_for(lambda: "UP" in self.run(["scontrol", "ping"], check=False))

    def kill_controller(self) -> None:
        """End slurmctld as a power cut would."""
        self._signal(signal.SIGKILL, [self._pid("slurmctld")])

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node."""
        self.run(["slurmd", "-N", node])

    def kill_node(self, node: str) -> None:
        """End a node and all that runs on it as a power cut would."""
        jobs = [job for job, where in self.jobs("%i %N", "running") if where == node]
        steps = [
            pid
            for pid, command in self._processes()
            if any(f"slurmstepd: [{job}." in command for job in jobs)
        ]
        self._signal(signal.SIGKILL, [self._pid(node), *steps, *self._with(f"SLURMD_NODENAME={node}")])

    def pause(self, job: str) -> None:
        """Stop the processes of a job where they are, until SLURM wakes them to end them."""
        self._signal(signal.SIGSTOP, self._with(f"SLURM_JOB_ID={job}"))

    def answers_to_its_end(self, job: str) -> bool:
        """Whether the script of a job catches SIGTERM by now."""
        scripts = {pid for pid, command in self._processes() if ".snakemake/scripts/" in command}
        for pid in scripts & set(self._with(f"SLURM_JOB_ID={job}")):
            with suppress(OSError):
                caught = re.search(r"SigCgt:\s*([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text())[1]
                if int(caught, 16) >> (signal.SIGTERM - 1) & 1:
                    return True
        return False

    def wait_until_idle(self) -> None:
        """Wait until no job is left and every node answers."""
        self._wait_for(lambda: not self.jobs("%i", "pending", "running", "completing"), seconds=120)
        self._wait_for(lambda: self.nodes("idle") == set(NODES))

    def log(self) -> str:
        """What the daemons said last."""
        return self.run(["sh", "-c", f"tail -n 30 {HOME}/*.log"])

    def stop(self) -> None:
        """End everything in the cluster."""
        self._unshare.kill()
        self._unshare.wait()
        self._wait_for(lambda: not Path(f"/proc/{self._first}").exists())

    def _processes(self) -> list[tuple[int, str]]:
        """All processes in the cluster: their number seen from outside, and their command."""
        namespace = Path(f"/proc/{self._first}/ns/pid").readlink()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (folder / "ns/pid").readlink() == namespace:
                    found.append(
                        (int(folder.name), (folder / "cmdline").read_text().replace("\0", " ").strip())
                    )
        return found

    def _pid(self, daemon: str) -> int:
        """The process, seen from outside, that wrote a pid file inside."""
        inside = self.run(["cat", f"{HOME}/{daemon}.pid"]).strip()
        for pid, _ in self._processes():
            status = Path(f"/proc/{pid}/status").read_text()
            if f"NSpid:\t{pid}\t{inside}\n" in status:
                return pid
        raise AssertionError(f"{daemon} does not run")

    def _with(self, variable: str) -> list[int]:
        """The processes that have this variable, such as `NAME=value`, in their environment."""
        found = []
        for pid, _ in self._processes():
            with suppress(OSError):
                if variable.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    found.append(pid)
        return found

    @staticmethod
    def _signal(number: signal.Signals, pids: list[int]) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    @staticmethod
    def _wait_for(condition: Callable, seconds: float = 60):
        end = time.monotonic() + seconds
        while not (answer := condition()):
            assert time.monotonic() < end, "the cluster does not come to where it should be"
            time.sleep(0.1)
        return answer
