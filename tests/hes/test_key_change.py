"""Keys in the device list: new ones beside old ones, and lists that do not know of a change."""

import msgspec
import pytest

from hes.device_registry import changed_devices
from hes.devices import Device, DeviceListError, parse_csv, write_csv
from hes.ids import MeterId, ModemId
from hes.key_change import (
    FORMER_MAX,
    ChangeKeys,
    changed,
    changing,
    imported,
    in_doubt,
    kept,
    names_of,
)

OLD = Device(
    meter_id=MeterId("m1"), modem_id=ModemId("M1"), auth="gmac", encryption_key=b"e" * 16,
    authentication_key=b"a" * 16, master_key=b"k" * 16,
)  # fmt: skip
WANTED = ChangeKeys(meter=MeterId("m1"), reason="r", encryption_key=b"E" * 16,
                    authentication_key=b"A" * 16)  # fmt: skip


def test_new_keys_stand_beside_the_old_ones_until_it_is_known() -> None:
    doubtful = changing(OLD, WANTED)
    assert (in_doubt(OLD), in_doubt(doubtful)) == (False, True)
    assert names_of(doubtful) == WANTED.names == ("encryption", "authentication")
    assert (doubtful.encryption_key, doubtful.authentication_key) == (b"e" * 16, b"a" * 16)
    assert kept(doubtful) == OLD
    new = changed(doubtful)
    assert (new.encryption_key, new.authentication_key) == (b"E" * 16, b"A" * 16)
    assert not in_doubt(new)
    assert len(new.former_keys) == 2
    assert b"e" * 16 not in b"".join(new.former_keys)


def test_one_key_alone_is_changed_alone() -> None:
    only = msgspec.structs.replace(WANTED, authentication_key=b"")
    new = changed(changing(OLD, only))
    assert (new.encryption_key, new.authentication_key) == (b"E" * 16, b"a" * 16)
    assert len(new.former_keys) == 1
    assert names_of(changing(OLD, only)) == ("encryption",)


def test_what_was_replaced_is_not_remembered_for_ever() -> None:
    device = OLD
    for number in range(FORMER_MAX):
        command = msgspec.structs.replace(WANTED, encryption_key=bytes((number,)) * 16)
        device = changed(changing(device, command))
    assert len(device.former_keys) == FORMER_MAX


def test_an_older_list_does_not_bring_old_keys_back() -> None:
    new = changed(changing(OLD, WANTED))
    older = msgspec.structs.replace(OLD, master_key=b"", area="north")
    (taken,) = changed_devices([new], [older])
    assert (taken.encryption_key, taken.authentication_key) == (b"E" * 16, b"A" * 16)
    assert (taken.area, taken.master_key) == ("north", b"k" * 16)
    assert changed_devices([taken], [older]) == []
    # Keys that were never the meter's are meant.
    other = msgspec.structs.replace(OLD, encryption_key=b"o" * 16, master_key=b"K" * 16)
    (taken,) = changed_devices([new], [other])
    assert (taken.encryption_key, taken.master_key) == (b"o" * 16, b"K" * 16)


def test_an_import_leaves_a_doubt_where_it_is_but_its_own_keys_end_it() -> None:
    doubtful = changing(OLD, WANTED)
    assert imported(doubtful, OLD) == doubtful
    assert changed_devices([doubtful], [OLD]) == []
    meant = msgspec.structs.replace(OLD, encryption_key=b"o" * 16)
    assert not in_doubt(imported(doubtful, meant))
    assert imported(None, OLD) == OLD


HEAD = "meter_id,modem_id,auth,encryption_key,master_key\n"


def test_the_master_key_is_a_column_and_never_exported() -> None:
    (device,) = parse_csv(f"{HEAD}m1,M1,gmac,{'11' * 16},{'22' * 16}\n")
    assert device.master_key == b"\x22" * 16
    doubtful = changing(device, WANTED)
    text = write_csv([doubtful, changed(doubtful)])
    assert text.splitlines()[0].endswith(",master_key")
    for secret in ("22" * 16, "11" * 16, "45" * 16, "EEEE"):
        assert secret not in text
    with pytest.raises(DeviceListError, match="master_key: must be 32 or 64 hex digits") as told:
        parse_csv(f"{HEAD}m1,M1,gmac,{'11' * 16},abcd\n")
    assert "abcd" not in str(told.value)


def test_entries_of_before_are_read() -> None:
    before = {
        name: value for name, value in msgspec.structs.asdict(OLD).items()
        if "next" not in name and name not in {"master_key", "former_keys"}
    }  # fmt: skip
    found = msgspec.msgpack.decode(msgspec.msgpack.encode(before), type=Device)
    assert found == msgspec.structs.replace(OLD, master_key=b"")
