"""Finetuning with a prefix of the network frozen: what moves and what does not."""

import pytest
import torch
from test_finetuning import LOSS, samples
from torch import nn

from transferscope.errors import InputError
from transferscope.models import backbones
from transferscope.protocols.finetuning import grid
from transferscope.protocols.finetuning.trials import Task, recipe
from transferscope.results.run import Run
from transferscope.training.loop import train

LAYERS = ["conv1", "conv2", "conv3", "conv4", "conv5"]


def with_head(freeze: int | str) -> nn.Module:
    """The network that a run finetunes, before any step."""
    task = Task.__new__(Task)
    task.backbone = backbones.create("alexnet_32?width=2").eval()
    task.resolution, task.samples = 32, samples(8)
    task.run = Run("m", "d", "finetune", "default", version=1, seed=0, freeze=freeze)
    return task._with_head()


@pytest.mark.parametrize(("freeze", "frozen"), [("", 0), (0, 1), (1, 2), (4, 5)])
def test_frozen_stages_stay_bit_by_bit_and_all_else_moves(freeze, frozen):
    network = with_head(freeze)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    batch = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8), torch.arange(8) % 3
    how = recipe(grid.Point(0, 0.1, 0.01, "centre_crop"), 3)
    trained = train(network, lambda start: iter([batch] * 3), LOSS, steps=3, **how, device="cpu", seed=0)
    after = trained.network.state_dict()
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still == {name for name in before if any(f"{layer}." in name for layer in LAYERS[:frozen])}


def test_frozen_or_not_a_network_begins_alike():
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(3)
    whole = with_head("")
    torch.manual_seed(3)
    assert torch.equal(with_head(1).eval()(images), whole.eval()(images))


def test_a_network_cannot_be_frozen_beyond_its_stages():
    with pytest.raises(InputError, match="m can be frozen up to 0 to 4, and not up to 5; take 5 out of `fr"):
        with_head(5)
