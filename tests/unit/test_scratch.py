"""A copy on the node's own disk where there is one with room, else the folder itself; nothing is left."""

import pytest

from transferscope.training import scratch
from transferscope.training.scratch import copied_to_scratch


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "shared" / "pictures"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.png").write_bytes(b"one")
    # What a user obtained by hand is linked.
    (folder / "b").symlink_to(folder / "a")
    return folder


def test_a_copy_is_read_and_removed(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("NODE_DISK", str(tmp_path / "disk"))
    (tmp_path / "disk").mkdir()
    with copied_to_scratch(dataset, "$NODE_DISK") as folder:
        assert folder.is_relative_to(tmp_path / "disk")
        assert folder.name == "pictures"
        assert (folder / "b" / "1.png").read_bytes() == b"one"
        assert not (folder / "b").is_symlink()
    assert not list((tmp_path / "disk").iterdir())


def test_without_scratch_the_folder_itself(dataset):
    with copied_to_scratch(dataset, None) as folder:
        assert folder == dataset


def test_an_absent_disk_costs_no_job(dataset, tmp_path, caplog):
    with copied_to_scratch(dataset, str(tmp_path / "nowhere")) as folder:
        assert folder == dataset
    assert "cannot be copied to scratch" in caplog.text


def test_an_error_in_the_job_is_the_jobs_own(dataset, tmp_path):
    with pytest.raises(OSError, match="the job's"), copied_to_scratch(dataset, str(tmp_path)):
        raise OSError("the job's")


@pytest.mark.parametrize(("free", "copied"), [(3, True), (2, False)])
def test_a_disk_without_room_is_not_filled(dataset, tmp_path, monkeypatch, caplog, free, copied):
    (dataset / "a" / "1.png").write_bytes(b"one")
    (dataset / "b").unlink()
    monkeypatch.setattr(scratch.shutil, "disk_usage", lambda _: scratch.shutil._ntuple_diskusage(9, 9, free))
    with copied_to_scratch(dataset, str(tmp_path)) as folder:
        assert (folder != dataset) == copied
    assert ("cannot be copied to scratch" in caplog.text) != copied
