"""The password of a database, from a file, so that it stands in no URL."""

from pathlib import Path

from hes.store.errors import StoreError


def read_password(file: str | None) -> str | None:
    """Return the first line of a password file; None without one.

    Raises:
        StoreError: it cannot be read, or is empty.

    """
    if file is None:
        return None
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is no text"
        raise StoreError(f"the password file {file} cannot be read: {why}") from None
    password = text.partition("\n")[0].rstrip("\r")
    if not password:
        raise StoreError(f"the password file {file} is empty; write the password into it")
    return password
