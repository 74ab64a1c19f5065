"""One writer at a time: waited for while it lives, passed over when it is dead, here or elsewhere."""

import multiprocessing
import os
import re
import time
from pathlib import Path

import pytest

from transferscope import locks
from transferscope.errors import InputError

SPAWN = multiprocessing.get_context("spawn")


def hold(output: Path, lease: float, held, may_end) -> None:
    """A process that holds the lock of ``output`` until it may end, and then has made it."""
    locks.LEASE_S = lease
    with locks.only_writer(output):
        child = os.fork()  # as a loader of pictures does; its end ends no lock
        if child == 0:
            raise SystemExit
        os.waitpid(child, 0)
        held.set()
        may_end.wait()
        output.touch()


@pytest.fixture
def holder(tmp_path, monkeypatch):
    """A process that holds the lock of ``tmp_path / "set"``, and the event that lets it end."""
    monkeypatch.setattr(locks, "LEASE_S", 3)
    monkeypatch.setattr(locks, "POLL_S", 0.05)
    held, may_end = SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=hold, args=(tmp_path / "set", locks.LEASE_S, held, may_end))
    process.start()
    assert held.wait(60)
    yield process, may_end
    process.kill()
    process.join()


def move_to_another_machine(output: Path) -> None:
    """Let the lock look as if its holder were elsewhere, where its number may be of any process here."""
    path = locks.lock_file(output)
    path.write_text(re.sub("host=.*", "host=node7", path.read_text()))


def test_a_second_writer_waits_for_the_first(tmp_path, holder, caplog):
    process, may_end = holder
    assert locks.writer(tmp_path / "set") == process.pid
    caplog.set_level("INFO")
    end_soon = SPAWN.Process(target=set_later, args=(may_end,))
    end_soon.start()
    with locks.only_writer(tmp_path / "set"):
        assert (tmp_path / "set").exists()
    assert f"waiting for the process {process.pid} on " in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    end_soon.join()


def set_later(event) -> None:
    time.sleep(0.5)
    event.set()


def test_a_living_writer_is_named_to_whoever_does_not_wait_on(tmp_path, holder):
    process, _ = holder
    said = rf"set is being written by the process {process.pid} on \S+; wait until that has ended, or end it"
    # Longer than the lease: the holder renews it.
    with pytest.raises(InputError, match=said), locks.only_writer(tmp_path / "set", patience_s=5):
        pass
    assert locks.lock_file(tmp_path / "set").exists()


def test_a_killed_writer_on_this_machine_is_no_writer(tmp_path, holder):
    process, _ = holder
    process.kill()
    process.join()
    assert locks.lock_file(tmp_path / "set").exists()
    assert locks.writer(tmp_path / "set") is None
    with locks.only_writer(tmp_path / "set", patience_s=0):
        pass


def test_a_writer_on_another_machine_lives_while_it_renews_its_lock(tmp_path, holder):
    process, _ = holder
    move_to_another_machine(tmp_path / "set")
    with (
        pytest.raises(InputError, match=f"by the process {process.pid} on node7;"),
        locks.only_writer(tmp_path / "set", patience_s=5),
    ):
        pass


def test_a_writer_that_was_killed_on_another_machine_is_given_up(tmp_path, holder):
    process, _ = holder
    move_to_another_machine(tmp_path / "set")
    process.kill()
    process.join()
    with pytest.raises(InputError), locks.only_writer(tmp_path / "set", patience_s=1):
        pass
    with locks.only_writer(tmp_path / "set", patience_s=10):
        pass


def test_what_nobody_writes_has_no_writer(tmp_path):
    assert locks.writer(tmp_path / "nowhere/set") is None
    assert not (tmp_path / "nowhere").exists()
