"""Tests run on few cores, often side by side: threads that wait for each other would only slow them down."""

import torch

torch.set_num_threads(1)
