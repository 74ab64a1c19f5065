"""The one exception for what the user can mend."""


class InputError(Exception):
    """Bad input: one sentence that names the file, row or key, and the remedy."""
