"""What methods take of the package lightly, which is installed where it is wanted (envs/lightly.yaml)."""

from transferscope.errors import InputError

try:
    from lightly import loss as losses
    from lightly.models import modules as heads
    from lightly.models import utils
    from lightly.utils.scheduler import cosine_schedule
except ImportError as error:
    raise InputError(
        f"this pretraining method needs the package lightly ({error}); `make .venv/lightly.done` installs it "
        "(envs/lightly.yaml)"
    ) from error

__all__ = ["cosine_schedule", "heads", "losses", "utils"]
