"""New firmware for a device: offered, on its way, active or failed. Meters and modems alike."""

from hes.events.base import DomainEvent, event


@event("FirmwareOffered/1")
class FirmwareOffered(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Somebody wants the device to run this image; its transfer begins or goes on."""

    image: str
    """The name by which the device knows the image."""
    size_bytes: int
    sha256: bytes
    """Of the whole image."""
    actor: str
    reason: str
    resumed: bool = False
    """Whether it goes on with what the device has of the image already."""
    version: str = ""
    """What the device is to say that it runs, where that is known before."""


@event("FirmwareProgressed/1")
class FirmwareProgressed(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The device has more of the image, or has come to the next step."""

    image: str
    step: str
    """``transferring``, ``verifying``, ``activating``, ..."""
    done_bytes: int
    size_bytes: int
    detail: str = ""


@event("FirmwareActivated/1")
class FirmwareActivated(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The device runs the image."""

    image: str
    version: str
    """As the device tells it afterwards; empty when it does not."""
    version_before: str = ""


@event("FirmwareFailed/1")
class FirmwareFailed(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """It came to nothing; the device runs what it ran before."""

    image: str
    step: str
    detail: str
    """A sentence for a person."""
    done_bytes: int = 0
