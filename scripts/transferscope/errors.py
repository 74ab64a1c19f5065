"""The one exception for what the user can mend, and its kind for samples of a dataset."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

NAMED = 100  # samples in one sentence, at most


class InputError(Exception):
    """Bad input: one sentence that names the file, row or key, and the remedy."""


class SampleError(InputError):
    """Samples that are of no use, for a reason that is the first one's.

    Args:
        subject: what they are, such as ``the picture``.
        names: of the samples.
        reason: what is wrong with the first of them.
        remedy: how to mend it.
    """

    def __init__(self, subject: str, names: list[str], reason: str, remedy: str):
        super().__init__(subject, names, reason, remedy)  # whole, since it is pickled by a loader's workers

    def __str__(self) -> str:
        subject, (first, *others), reason, remedy = self.args
        said = f"{subject} {first} {reason}".rstrip()
        if not others:
            return f"{said}; {remedy}"
        more = " ..." if len(others) > NAMED else ""
        listed = f"{', '.join(others[:NAMED])}{more}"
        return f"{said}, and so it is with {len(others)} more: {listed}; {remedy}"


def refused(read: Callable[[int], object], indices: Iterable[int], *, threads: int) -> InputError | None:
    """What ``read`` refuses among the samples ``indices``, in one error: all of them at once, not one a run.

    A SampleError names all of the same subject; before it goes any other InputError.
    """

    def error_of(index: int) -> InputError | None:
        try:
            read(index)
        except InputError as error:
            return error
        return None

    with ThreadPoolExecutor(threads) as pool:
        errors = [error for error in pool.map(error_of, indices) if error]
    if not errors or not all(isinstance(error, SampleError) for error in errors):
        return next((error for error in errors if not isinstance(error, SampleError)), None)
    subject, _, reason, remedy = errors[0].args
    alike = [error for error in errors if error.args[0] == subject]
    return SampleError(subject, [name for error in alike for name in error.args[1]], reason, remedy)
