"""The numbers of HML/1: types of frames, tags, reasons, states of firmware."""

from enum import IntEnum
from typing import Final


class Kind(IntEnum):
    """Types of frames."""

    HELLO = 0x01
    WELCOME = 0x02
    AUTH = 0x03
    PING = 0x04
    PONG = 0x05
    ACK = 0x06
    NAK = 0x07
    BYE = 0x08
    PIPE_OPEN = 0x10
    PIPE_DATA = 0x11
    PIPE_CLOSE = 0x12
    PIPE_STATUS = 0x13
    RECORD = 0x20
    RECORD_ACK = 0x21
    ALARM = 0x22
    CFG_GET = 0x30
    CFG_VALUE = 0x31
    CFG_SET = 0x32
    CFG_RESULT = 0x33
    FW_OFFER = 0x40
    FW_PULL = 0x41
    FW_DATA = 0x42
    FW_STATUS = 0x43


class Tag(IntEnum):
    """Tags of HELLO, WELCOME, AUTH, CFG_RESULT and FW_STATUS."""

    ID = 1
    ICCID = 2
    MODEL = 3
    FIRMWARE = 4
    NONCE = 5
    BOOT_COUNT = 6
    CONFIG_HASH = 7
    RECORD_NUMBER = 8
    RSSI_DBM = 9
    BOOT_REASON = 10
    QUEUED = 11
    PROOF = 12
    UTC_S = 13
    PING_S = 14
    STATUS = 15


class Setting(IntEnum):
    """Tags of the settings of a modem (CFG_VALUE, CFG_SET); from 128 on they are the maker's."""

    SERVER = 1
    """``host:port``."""
    COLLECT_S = 2
    PING_S = 3
    APN = 4
    SERVER_2 = 5
    SERIAL_1 = 6
    """As in PIPE_OPEN."""
    SCHEDULE = 7
    """The requests of the collection: see docs."""


class PipeTag(IntEnum):
    """Tags of PIPE_OPEN."""

    BAUD = 1
    FRAMING = 2
    ANSWER_MS = 3
    GAP_MS = 4


class OfferTag(IntEnum):
    """Tags of FW_OFFER; FW_STATUS repeats VERSION."""

    VERSION = 1
    SIZE = 2
    SHA256 = 3
    SIGNATURE = 4


class Reason(IntEnum):
    """Why a frame was not taken (NAK)."""

    VERSION = 1
    NOT_NOW = 2
    UNKNOWN_MODEM = 3
    PROOF = 4
    SIGNATURE = 5
    MALFORMED = 6
    RECORD_GAP = 7
    UNKNOWN_TYPE = 8


class RecordKind(IntEnum):
    """What the data of a record are."""

    ANSWER = 0
    """The bytes of the meter."""
    ALARM = 1
    """The payload of an ALARM that was sent at once, too."""
    LOST = 2
    """Nothing: records up to this number, from the one in the data (8 bytes), were overwritten."""
    UNREADABLE = 255
    """Never on the wire: the data are the whole payload, of which the number alone was readable."""


class PipeState(IntEnum):
    """PIPE_STATUS."""

    OPEN = 0
    CLOSED = 1
    NO_SUCH_PORT = 2
    BUSY = 3
    SILENT = 4


class FirmwareState(IntEnum):
    """FW_STATUS."""

    OFFERED = 0
    DOWNLOADING = 1
    VERIFIED = 2
    APPLIED = 3
    ROLLED_BACK = 4
    REFUSED = 5


class ConfigState(IntEnum):
    """CFG_RESULT."""

    APPLIED = 0
    REFUSED = 1
    ROLLED_BACK = 2


ALARM_CODES: Final = {
    1: "supply-lost",
    2: "supply-restored",
    3: "cover-opened",
    4: "antenna",
    5: "sim",
}
PROTOCOLS: Final = {
    1: "iec62056-21",
    2: "dlt645-1997",
    3: "dlt645-2007",
    4: "dlms-hdlc",
    5: "dlms-wrapper",
}
