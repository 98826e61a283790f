"""What stores and their libraries say when they refuse, in plain words; none of the libraries need be installed."""

from __future__ import annotations

import errno
from typing import Final

_REFUSALS: Final = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
        "SSOTokenLoadError",
        "DefaultCredentialsError",
        "RefreshError",
        "ClientAuthenticationError",
    }
)
"""Names of the exceptions with which the stores' libraries say that they have no (valid) key."""
_PERMANENT: Final = frozenset(
    {"ProfileNotFound", "ParamValidationError", "NoRegionError", "InvalidRegionError", "ConfigParseError"}
)
_PERMANENT_NUMBERS: Final = frozenset({errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.ENAMETOOLONG, errno.EISDIR})


def refusal(fault: Exception, where: str) -> str:
    """What to tell of an error that trying again does not cure; empty for others.

    Args:
        fault: what a store's library raised.
        where: URL of the object.
    """
    kinds = {kind.__name__ for kind in type(fault).__mro__}
    if isinstance(fault, PermissionError):
        return (
            f"{where}: the store refuses ({said(fault)}); are the credentials valid, and may they read and write there?"
        )
    if kinds & _REFUSALS:
        return f"{where}: no valid credentials were found ({said(fault)}); log in to the store again"
    stays = isinstance(fault, FileExistsError | NotADirectoryError | IsADirectoryError) or bool(kinds & _PERMANENT)
    if stays or (isinstance(fault, OSError) and fault.errno in _PERMANENT_NUMBERS):
        return f"{where}: the store refuses: {said(fault)}"
    return ""


def said(fault: Exception) -> str:
    """The first line of what a library says, without the HTML or XML that may follow."""
    text = str(fault).strip().partition("\n")[0][:200]
    return text or type(fault).__name__
