"""What the scripts that train networks are tried on."""

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from transferscope.datasets.rendered.dataset import render_dataset
from transferscope.models import backbones

RUN = {
    "variant": "default",
    "version": 1,
    "seed": 0,
    "labels": "",
    "layer": "",
    "dataset_version": "1",
    "device": "cpu",
    "threads": 1,
}
"""Fields of ``Run`` that a job gets from its rule, without the protocol."""


@pytest.fixture(scope="session")
def scenes(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("scenes") / "scenes"
    render_dataset(root, images=50, objects=2, size=32, seed=0, threads=1)
    return root


@pytest.fixture(scope="session")
def backbone(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("backbone") / "tiny.safetensors"
    torch.manual_seed(0)
    normalisation = backbones.NORMALISATIONS["imagenet"]
    metadata = backbones.Metadata("tiny", "mobilenetv2_050", "random", "", *normalisation, {})
    backbones.save(path, backbones.weights(backbones.create("mobilenetv2_050")), metadata)
    return path


def stopped(train: Callable, *arguments, checkpoint: Path, number: int) -> int:
    """Start ``train`` as a job, signal all its processes once there is a checkpoint; its exit code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "torchvision", "timm", "mmdet.apis", "mmseg.apis"])
    process = context.Process(target=_job, args=(train, *arguments))
    process.start()
    while not checkpoint.exists():
        assert process.is_alive()
        time.sleep(0.002)
    os.killpg(process.pid, number)
    process.join()
    return process.exitcode


def _job(train: Callable, *arguments) -> None:
    os.setsid()  # a scheduler signals every process of a job
    train(*arguments)
