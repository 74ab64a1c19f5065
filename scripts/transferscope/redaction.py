"""Addresses without their secrets, for messages, logs and metadata."""

from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

SHORT = 4
"""A value of a query up to this length is no token: ``download=1``."""


def redact(text: str, *sources: str) -> str:
    """``text`` with the user, password and tokens of the addresses ``sources`` replaced by ``***``."""
    for source in sources:
        try:
            address = urlsplit(source)
            values = [value for _, value in parse_qsl(address.query) if len(value) > SHORT]
        except ValueError:  # no address
            continue
        user = address.netloc.rpartition("@")[0]
        for secret in sorted([user, *user.split(":"), *values, address.fragment], key=len, reverse=True):
            for spelled in (secret, quote(secret, safe=""), quote_plus(secret), quote(secret)):
                if len(spelled) > SHORT or spelled == user:
                    text = text.replace(spelled, "***") if spelled else text
    return text


def redacted(sources: str) -> str:
    """One or more addresses, separated by spaces, without their secrets."""
    return redact(sources, *sources.split())
