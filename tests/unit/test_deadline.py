"""A signal that a job's time is nearly up: noted, answered at a step, and no concern of what comes after."""

import os
import signal

import pytest

from transferscope.training.deadline import SIGNALS, Deadline


def test_the_signals_are_those_of_schedulers():
    assert set(SIGNALS) == {signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_ends_the_job_as_a_failure_where_its_state_is_saved(number):
    with Deadline() as deadline:
        deadline.end(1, 10)  # none came yet
        os.kill(os.getpid(), number)
        assert deadline.signal == number
        with pytest.raises(SystemExit) as ended:
            deadline.end(3, 10)
    assert ended.value.code == f"{number.name}: ended at step 3 of 10; run the same command again to resume"


def test_signals_are_answered_afterwards_as_they_were_before():
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(ZeroDivisionError), Deadline():
        assert [signal.getsignal(number) for number in SIGNALS] != before
        1 / 0  # noqa: B018
    assert [signal.getsignal(number) for number in SIGNALS] == before
