"""What all tests share.

They run on few cores, often side by side: threads that wait for each other would only slow them down.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from transferscope.cluster.preloaded import Preloaded

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def python(tmp_path_factory) -> Iterator[Path]:
    """A Python whose libraries are imported already."""
    preloaded = Preloaded(tmp_path_factory.mktemp("preloaded"))
    yield preloaded.python
    preloaded.stop()
