"""What a job logs, how it ends on bad input, and where its device comes from."""

import logging
from types import SimpleNamespace

import pytest
import torch

from transferscope import job, made_from
from transferscope.errors import InputError


def snakemake(tmp_path, output: str = "results/made.json") -> SimpleNamespace:
    return SimpleNamespace(
        log=[str(tmp_path / "logs" / "rule.log")],
        output=[str(tmp_path / output)],
        config={"pathvars": {"resources": str(tmp_path / "resources")}},
        rule="some_rule",
        threads=1,
        params={"version": 3},
        input=[],
    )


def test_what_a_script_made_says_from_what(tmp_path):
    made = tmp_path / "results/made.json"
    made.parent.mkdir()
    with pytest.raises(SystemExit), job.logged(snakemake(tmp_path)):
        made.write_text("{}")
        raise InputError("half done")
    assert made.read_text() == "{}"
    with job.logged(snakemake(tmp_path)):
        made.write_text('{"value": 1}')
    assert made_from.read(made)["params"] == {"version": 3}


def test_bad_input_ends_with_one_sentence_in_log_and_terminal(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended, job.logged(snakemake(tmp_path)):
        raise InputError("models.tsv, row 'a': mend it")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "some_rule: models.tsv, row 'a': mend it\n"
    assert "models.tsv, row 'a': mend it" in (tmp_path / "logs/rule.log").read_text()
    assert "Traceback" not in (tmp_path / "logs/rule.log").read_text()


def test_a_fault_of_ours_keeps_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), job.logged(snakemake(tmp_path)):
        _ = 1 / 0
    assert "ZeroDivisionError" in (tmp_path / "logs/rule.log").read_text()


def test_everything_said_goes_to_the_log(tmp_path, capsys):
    with job.logged(snakemake(tmp_path)):
        (tmp_path / "results/made.json").write_text("{}")
        print("printed")
        logging.info("logged")
    text = (tmp_path / "logs/rule.log").read_text()
    assert "printed" in text
    assert "logged" in text
    assert capsys.readouterr().out == ""


def test_the_device_is_what_the_job_was_given(monkeypatch):
    assert job.device({"mem_mb": 1}) == job.device({"gpu": 0}) == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert job.device({"gpu": 1}) == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="asked for a GPU"):
        job.device({"gpu": 1})
