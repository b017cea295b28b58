"""Images of firmware for modems, in a folder: by their hash, with their maker's signature beside.

They outlive the program, so that an offer goes on after a restart. Called in worker threads.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

IMAGE: Final = ".img"
SIGNATURE: Final = ".sig"


class FirmwareFiles:
    """One folder; made with the first image."""

    def __init__(self, folder: Path | None) -> None:
        """Take a folder; None: nothing can be kept."""
        self._folder = folder

    def keep(self, image: bytes, signature: bytes) -> bytes:
        """Keep an image; return its hash.

        Raises:
            OSError: it cannot be written.

        """
        digest = sha256(image).digest()
        if self._folder is None:
            raise FileNotFoundError("no folder for firmware is configured")
        self._folder.mkdir(parents=True, exist_ok=True)
        for suffix, data in ((SIGNATURE, signature), (IMAGE, image)):
            path = self._folder / f"{digest.hex()}{suffix}"
            unready = path.with_suffix(suffix + ".new")
            unready.write_bytes(data)
            unready.replace(path)
        return digest

    def load(self, digest: bytes) -> tuple[bytes, bytes] | None:
        """Return image and signature; None when they are not there, or not what they were."""
        if self._folder is None:
            return None
        path = self._folder / f"{digest.hex()}{IMAGE}"
        try:
            image = path.read_bytes()
            signature = path.with_suffix(SIGNATURE).read_bytes()
        except OSError:
            return None
        return (image, signature) if sha256(image).digest() == digest else None
