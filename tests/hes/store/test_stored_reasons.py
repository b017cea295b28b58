"""Imports and changes of settings that were stored before anybody was asked why are read."""

from typing import Final

import pytest

from hes.events.base import DomainEvent
from hes.events.device import DeviceRegistered
from hes.events.modem_setting import ConfigRequested, ModemRegistered
from hes.store.codec import EventCodec, LayoutBook

WITHOUT: Final[dict[type[DomainEvent], str]] = {
    DeviceRegistered: (
        "dc0011d7ff3b9aca0069f495c3c0af383631323334353637383930313233a3726177a4646c6d73a46864"
        "6c63a0a231371001a36c6f77a0abc490c3a0204ee1bab56e67a53230302f35a0c3a6696d706f7274"
    ),
    ModemRegistered: (
        "98d7ff3b9aca0069f495c3c0ad31302e302e302e393a34303539a4686d6c31a664656d616e64a8323430"
        "3020384531c3a2616e"
    ),
    ConfigRequested: "94d7ff3b9aca0069f495c3c0b47b22636f6c6c6563745f73223a2022393030227da2616e",
}
"""Kind to state, in hex."""


@pytest.mark.parametrize("kind", WITHOUT)
def test_what_was_stored_without_a_reason_is_read(kind: type[DomainEvent]) -> None:
    event = EventCodec(LayoutBook([])).decode(kind.topic, bytes.fromhex(WITHOUT[kind]))
    assert isinstance(event, DeviceRegistered | ModemRegistered | ConfigRequested)
    assert event.actor in {"an", "import"}
    assert event.reason == ""
