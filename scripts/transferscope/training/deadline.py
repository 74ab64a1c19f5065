"""Handle a scheduler's end-of-time signal: save the training state, then exit."""

import os
import signal
import threading
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class Deadline:
    """Context manager that records scheduler signals instead of letting them end the job.

    ``signal`` is the signal received, or None.
    """

    def __init__(self):
        self.signal: signal.Signals | None = None
        self._previous_handlers = {}

    def __enter__(self) -> "Deadline":
        for number in SIGNALS:
            self._previous_handlers[number] = signal.signal(number, self._record)
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def _record(self, number: int, frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)

    def end(self, step: int, steps: int) -> None:
        """Exit if a signal was received; call it after saving the state.

        Raises:
            SystemExit: with a message for the log and a failure status, so that the job is restarted.
        """
        if self.signal:
            raise SystemExit(
                f"{self.signal.name}: ended at step {step} of {steps}; run the same command again to resume"
            )


def leave_to_training(worker: int, **others) -> None:
    """DataLoader ``worker_init_fn``: leave signals that are sent to the whole job to the main process.

    Workers obey only signals from their parent, since DataLoader ends them by SIGTERM.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.Thread(target=_exit_on_parent_signal, args=[os.getppid()], daemon=True).start()


def _exit_on_parent_signal(parent: int) -> None:
    while signal.sigwaitinfo(SIGNALS).si_pid != parent:
        pass
    os._exit(1)
