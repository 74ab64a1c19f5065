"""A scheduler's signal that a job's time is nearly up: a training notes it, saves its state and ends."""

import os
import signal
import threading
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class Deadline:
    """Within the context such a signal is noted in place of ending the job.

    ``signal`` is the one that came, or None.
    """

    def __init__(self):
        self.signal: signal.Signals | None = None
        self._before = {}

    def __enter__(self) -> "Deadline":
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)

    def end(self, step: int, steps: int) -> None:
        """End the job, once its state is saved, where a signal came.

        Raises:
            SystemExit: with a sentence for the log, and as a failure, so that the job is started again.
        """
        if self.signal:
            raise SystemExit(
                f"{self.signal.name}: saved at step {step} of {steps}; the same command goes on from there"
            )


def leave_to_training(worker: int, **others) -> None:
    """In a process that reads pictures: a signal to the whole job is the training's to answer.

    Only what the training's own process sends is obeyed, since that ends its readers by SIGTERM.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.Thread(target=_obey, args=[os.getppid()], daemon=True).start()


def _obey(parent: int) -> None:
    while signal.sigwaitinfo(SIGNALS).si_pid != parent:
        pass
    os._exit(1)
