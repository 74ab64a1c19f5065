"""A process that has imported the libraries once and runs each Snakemake, and each of its scripts, in a fork.

Starting Python and importing what a script needs takes four seconds of CPU, more than many jobs of small
studies take. ``Preloaded`` holds the process; its ``python`` is an executable that stands for Python and
hands its arguments, folder, environment and open files over to it. The project itself is not imported
beforehand, since tests change it.

A job is then no child of the Snakemake that started it: what Snakemake's benchmarks say of memory and load is
of the executable alone. Times are right.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path

# Those that are not installed are passed over.
LIBRARIES = [
    *("snakemake.cli", "snakemake.profiles", "snakemake.report.html_reporter", "snakemake.storage"),
    *("jsonschema", "filelock", "yte", "requests", "smart_open"),
    "torch",
    "torchvision",
    "timm",
    "pandas",
    "scipy.stats",
    "sklearn.linear_model",
    "h5py",
    *("matplotlib.pyplot", "matplotlib.backends.backend_pdf", "matplotlib.backends.backend_agg"),
    "mmdet.apis",
    "mmseg.apis",
]


class Preloaded:
    """The process and, in ``folder``, its socket and its ``python``."""

    def __init__(self, folder: Path):
        self.python = folder / "python"
        socket_file = folder / "socket"
        client = f"{sys.executable} -I -S {__file__}"
        self.python.write_text(f'#!/bin/sh\nexec {client} ask {socket_file} "$@"\n')
        self.python.chmod(0o755)
        command = [sys.executable, __file__, "serve", str(socket_file), str(self.python)]
        # Forks of a process with threads are unsafe; a fork takes its number from its own environment.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait()


def ask(socket_file: str, arguments: list[str]) -> int:
    """Have ``arguments`` of Python run in a fork; return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the fork gets it too, and says how it ended
    request = json.dumps([arguments, str(Path.cwd()), dict(os.environ)]).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(socket_file)
        socket.send_fds(connection, [b"\0"], [0, 1, 2])
        connection.sendall(request + b"\n")
        return int(connection.makefile().readline() or 1)


def serve(socket_file: str, python: str) -> None:
    """Answer every ``ask`` until the process is ended."""
    # What a terminal interrupts is Snakemake, which ends its jobs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for library in LIBRARIES:
        with suppress(ModuleNotFoundError):
            importlib.import_module(library)
    gc.freeze()  # or each fork would copy all of the memory when it collects garbage
    sys.executable = python  # by which Snakemake starts scripts
    waiting = selectors.DefaultSelector()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(socket_file)
    listening.listen(64)
    waiting.register(listening, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is listening:
                connection, _ = listening.accept()
                fork = start(connection, listening)
                # One fork a request: that of so much memory takes a tenth of a second.
                waiting.register(os.pidfd_open(fork), selectors.EVENT_READ, (fork, connection))
                waiting.register(connection, selectors.EVENT_READ, (fork, None))
                continue
            if key.fd not in waiting.get_map():  # its fork has just ended
                continue
            waiting.unregister(key.fileobj)
            fork, connection = key.data
            if connection:
                code = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
                os.close(key.fileobj)
                with suppress(BrokenPipeError):
                    connection.sendall(f"{code}\n".encode())
                with suppress(KeyError):
                    waiting.unregister(connection)
                connection.close()
            else:  # nobody waits for it any more
                os.kill(fork, signal.SIGTERM)


def start(connection: socket.socket, listening: socket.socket) -> int:
    """Run in a fork what is asked for; return the fork's process id."""
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    arguments, folder, environment = json.loads(connection.makefile().readline())
    fork = os.fork()
    if fork == 0:
        listening.close()
        connection.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os._exit(run(arguments))
    for file in files:
        os.close(file)
    return fork


def run(arguments: list[str]) -> int:
    """Do what ``python *arguments`` does, but for tearing down what is imported; return the exit code."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    sys.path[1:1] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            sys.path[0] = str(Path.cwd())
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            sys.path[0] = str(Path(arguments[0]).resolve().parent)
            runpy.run_path(arguments[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
        code = 1
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    command, socket_file, *rest = sys.argv[1:]
    sys.exit(ask(socket_file, rest) if command == "ask" else serve(socket_file, *rest))
