"""The register of APDUs: first byte to the function that decodes the rest.

The services stand in files of their own (``apdu_get``, ``apdu_set``, ``apdu_action``,
``apdu_access``, ``apdu_push``, ``apdu_errors``, ``apdu_ciphered``, ``acse``); each adds its tags
here.
"""

from collections.abc import Callable
from typing import Any, Final

from protocols.dlms import (
    acse,
    apdu_access,
    apdu_action,
    apdu_ciphered,
    apdu_errors,
    apdu_get,
    apdu_push,
    apdu_set,
)
from protocols.dlms.gbt import TAG as GBT_TAG, decode_block
from protocols.dlms.lengths import truncated
from protocols.errors import RemoteProtocolError

DECODERS: Final[dict[int, Callable[[bytes], Any]]] = {
    **apdu_get.DECODERS,
    **apdu_set.DECODERS,
    **apdu_action.DECODERS,
    **apdu_access.DECODERS,
    **apdu_push.DECODERS,
    **apdu_errors.DECODERS,
    **dict.fromkeys(apdu_ciphered.TAGS, apdu_ciphered.decode_ciphered),
    apdu_ciphered.GENERAL_CIPHERING: apdu_ciphered.decode_general_ciphering,
    GBT_TAG: decode_block,
    acse.AARQ_TAG: acse.decode_aarq,
    acse.AARE_TAG: acse.decode_aare,
    acse.RLRQ_TAG: acse.decode_release,
    acse.RLRE_TAG: acse.decode_release,
    0x01: acse.decode_initiate_request,
    0x08: acse.decode_initiate_response,
}

NOT_SPOKEN: Final = {
    0xDF: "general-signing, signatures with certificates, is not supported",
}
"""APDUs of the security suites 1 and 2 that ask for a key pair for each party."""


def decode_apdu(apdu: bytes) -> Any:
    """Return the APDU as the Struct of its kind.

    Raises:
        RemoteProtocolError: ``apdu-tag``, ``truncated``, ``trailing``, ...

    """
    if not apdu:
        raise truncated(1, 0, apdu)
    decoder = DECODERS.get(apdu[0])
    if decoder is None:
        unknown = f"unknown APDU tag {apdu[0]:#04x}"
        raise RemoteProtocolError("apdu-tag", NOT_SPOKEN.get(apdu[0], unknown))
    return decoder(apdu)
