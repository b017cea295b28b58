"""APDUs as plain data for people and programs: the translator's notation.

Octet-strings are ``hex:..``, texts ``str:..``, bit-strings ``bits:..``, null is null, numbers are
raw, but for the floating ones that are none: ``nan``, ``inf``, which JSON has no numbers for.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from protocols.dlms import (
    acse,
    apdu_access as access,
    apdu_action as action,
    apdu_errors as errors,
    apdu_get as get,
    apdu_push as push,
    apdu_set as set_,
)
from protocols.dlms.axdr import BitString, Delta, decode_all
from protocols.dlms.cosem import Attribute, Refused, Selection, obis_text
from protocols.dlms.gbt import Block


def show_value(value: Any) -> Any:
    """Return an A-XDR value in the translator's notation."""
    if isinstance(value, bytes):
        return "hex:" + value.hex()
    if isinstance(value, BitString):
        return "bits:" + value
    if isinstance(value, str):
        return "str:" + value
    if isinstance(value, list | tuple):
        return [show_value(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value:f}"
    return value.difference if isinstance(value, Delta) else value


def _attribute(attribute: Attribute) -> dict[str, Any]:
    return {
        "class": attribute.class_id,
        "obis": obis_text(attribute.obis),
        "index": attribute.index,
    }


def _selection(selection: Selection | None) -> dict[str, Any] | None:
    if selection is None:
        return None
    return {
        "selector": selection.selector,
        "parameter": show_value(decode_all(selection.parameter)),
    }


def _result(result: Any) -> dict[str, Any]:
    return {"error": result.code} if isinstance(result, Refused) else {"data": show_value(result)}


def _time(time: bytes | None) -> str | None:
    return None if time is None else time.hex()


def _get_request(a: get.GetRequest) -> dict[str, Any]:
    return {"type": "get-request-normal", "invoke": a.invoke, "attribute": _attribute(a.attribute),
            "selection": _selection(a.selection)}  # fmt: skip


def _get_next(a: get.GetNext) -> dict[str, Any]:
    return {"type": "get-request-next", "invoke": a.invoke, "block": a.block}


def _get_list(a: get.GetList) -> dict[str, Any]:
    wanted = [{"attribute": _attribute(x), "selection": _selection(s)} for x, s in a.wanted]
    return {"type": "get-request-with-list", "invoke": a.invoke, "list": wanted}


def _get_response(a: get.GetResponse) -> dict[str, Any]:
    return {"type": "get-response-normal", "invoke": a.invoke, "result": _result(a.result)}


def _get_block(a: get.GetBlock) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": "get-response-with-datablock", "invoke": a.invoke,
                             "last": a.last, "block": a.block}  # fmt: skip
    return shown | ({"error": a.error} if a.error is not None else {"raw": a.raw.hex()})


def _get_list_response(a: get.GetListResponse) -> dict[str, Any]:
    return {
        "type": "get-response-with-list",
        "invoke": a.invoke,
        "list": list(map(_result, a.results)),
    }


def _set_request(a: set_.SetRequest) -> dict[str, Any]:
    return {"type": "set-request-normal", "invoke": a.invoke, "attribute": _attribute(a.attribute),
            "selection": _selection(a.selection), "value": show_value(a.value)}  # fmt: skip


def _set_first(a: set_.SetFirstBlock) -> dict[str, Any]:
    return {"type": "set-request-with-first-datablock", "invoke": a.invoke,
            "attribute": _attribute(a.attribute), "selection": _selection(a.selection),
            "last": a.last, "block": a.block, "raw": a.raw.hex()}  # fmt: skip


def _set_block(a: set_.SetBlock) -> dict[str, Any]:
    return {"type": "set-request-with-datablock", "invoke": a.invoke, "last": a.last,
            "block": a.block, "raw": a.raw.hex()}  # fmt: skip


def _set_list(a: set_.SetList) -> dict[str, Any]:
    wanted = [{"attribute": _attribute(x), "selection": _selection(s)} for x, s in a.wanted]
    values = [show_value(decode_all(data)) for data in a.data]
    return {"type": "set-request-with-list", "invoke": a.invoke, "list": wanted, "values": values}


def _set_list_first(a: set_.SetListFirstBlock) -> dict[str, Any]:
    wanted = [{"attribute": _attribute(x), "selection": _selection(s)} for x, s in a.wanted]
    return {"type": "set-request-with-list-and-first-datablock", "invoke": a.invoke,
            "list": wanted, "last": a.last, "block": a.block, "raw": a.raw.hex()}  # fmt: skip


def _set_response(a: set_.SetResponse) -> dict[str, Any]:
    return {"type": "set-response-normal", "invoke": a.invoke, "result": a.result}


def _set_block_response(a: set_.SetBlockResponse) -> dict[str, Any]:
    if a.result is None:
        return {"type": "set-response-datablock", "invoke": a.invoke, "block": a.block}
    return {"type": "set-response-last-datablock", "invoke": a.invoke, "result": a.result,
            "block": a.block}  # fmt: skip


def _set_list_response(a: set_.SetListResponse) -> dict[str, Any]:
    if a.block is None:
        return {"type": "set-response-with-list", "invoke": a.invoke, "list": list(a.results)}
    return {"type": "set-response-last-datablock-with-list", "invoke": a.invoke,
            "list": list(a.results), "block": a.block}  # fmt: skip


def _action_request(a: action.ActionRequest) -> dict[str, Any]:
    return {"type": "action-request-normal", "invoke": a.invoke, "method": _attribute(a.method),
            "parameter": show_value(a.parameter)}  # fmt: skip


def _action_list(a: action.ActionList) -> dict[str, Any]:
    return {"type": "action-request-with-list", "invoke": a.invoke,
            "methods": list(map(_attribute, a.methods)),
            "parameters": list(map(show_value, a.parameters))}  # fmt: skip


def _action_list_first(a: action.ActionListFirstBlock) -> dict[str, Any]:
    return {"type": "action-request-with-list-and-first-pblock", "invoke": a.invoke,
            "methods": list(map(_attribute, a.methods)), "last": a.last, "block": a.block,
            "raw": a.raw.hex()}  # fmt: skip


def _action_next(a: action.ActionNextBlock) -> dict[str, Any]:
    return {"type": "action-request-next-pblock", "invoke": a.invoke, "block": a.block}


def _action_first(a: action.ActionFirstBlock) -> dict[str, Any]:
    return {"type": "action-request-with-first-pblock", "invoke": a.invoke,
            "method": _attribute(a.method), "last": a.last, "block": a.block,
            "raw": a.raw.hex()}  # fmt: skip


def _action_block(a: action.ActionBlock) -> dict[str, Any]:
    kind = "response" if a.response else "request"
    return {"type": f"action-{kind}-with-pblock", "invoke": a.invoke, "last": a.last,
            "block": a.block, "raw": a.raw.hex()}  # fmt: skip


def _action_response(a: action.ActionResponse) -> dict[str, Any]:
    return {"type": "action-response-normal", "invoke": a.invoke} | _called(a)


def _called(a: action.ActionResponse | action.Called) -> dict[str, Any]:
    return {"result": a.result, "return": _result(a.value) if a.returned else None}


def _action_list_response(a: action.ActionListResponse) -> dict[str, Any]:
    return {"type": "action-response-with-list", "invoke": a.invoke,
            "list": list(map(_called, a.results))}  # fmt: skip


def _access_item(a: access.AccessItem) -> dict[str, Any]:
    return {"verb": a.verb.name.lower().replace("_", "-"), "attribute": _attribute(a.attribute),
            "selection": _selection(a.selection), "data": show_value(a.value)}  # fmt: skip


def _access_request(a: access.AccessRequest) -> dict[str, Any]:
    return {"type": "access-request", "long_invoke_id": a.long_invoke_id, "time": _time(a.time),
            "list": list(map(_access_item, a.items))}  # fmt: skip


def _accessed(a: access.Accessed) -> dict[str, Any]:
    return {"verb": a.verb.name.lower(), "result": a.result, "data": show_value(a.value)}


def _access_response(a: access.AccessResponse) -> dict[str, Any]:
    return {"type": "access-response", "long_invoke_id": a.long_invoke_id, "time": _time(a.time),
            "list": list(map(_accessed, a.results))}  # fmt: skip


def _action_taken(a: action.ActionBlockTaken) -> dict[str, Any]:
    return {"type": "action-response-next-pblock", "invoke": a.invoke, "block": a.block}


def _data_notification(a: push.DataNotification) -> dict[str, Any]:
    shown = {"type": "data-notification", "long_invoke_id": a.long_invoke_id,
             "time": _time(a.time), "body": show_value(a.body)}  # fmt: skip
    return shown if a.quirk is None else shown | {"quirk": a.quirk}


def _data_confirm(a: push.DataNotificationConfirm) -> dict[str, Any]:
    return {"type": "data-notification-confirm", "long_invoke_id": a.long_invoke_id,
            "time": _time(a.time)}  # fmt: skip


def _event_notification(a: push.EventNotification) -> dict[str, Any]:
    return {"type": "event-notification-request", "time": _time(a.time),
            "attribute": _attribute(a.attribute), "value": show_value(a.value)}  # fmt: skip


def _exception(a: errors.ExceptionResponse) -> dict[str, Any]:
    return {
        "type": "exception-response",
        "state_error": a.state_error,
        "service_error": a.service_error,
        "invocation_counter": a.invocation_counter,
    }


def _service_error(a: errors.ConfirmedServiceError) -> dict[str, Any]:
    return {"type": "confirmed-service-error", "service": a.service, "kind": a.kind,
            "value": a.value}  # fmt: skip


def _initiate_request(a: acse.InitiateRequest) -> dict[str, Any]:
    return {
        "type": "initiate-request",
        "dedicated_key": None if a.dedicated_key is None else a.dedicated_key.hex(),
        "response_allowed": a.response_allowed,
        "version": a.version,
        "conformance": a.conformance.hex(),
        "max_pdu": a.max_pdu,
    }


def _initiate_response(a: acse.InitiateResponse) -> dict[str, Any]:
    return {"type": "initiate-response", "version": a.version, "conformance": a.conformance.hex(),
            "max_pdu": a.max_pdu, "vaa": f"{a.vaa:04x}"}  # fmt: skip


def _titles(a: acse.Aarq | acse.Aare) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if a.system_title is not None:
        shown["system_title"] = a.system_title.hex()
    if a.mechanism is not None:
        shown["mechanism"] = a.mechanism
    if a.authentication_value is not None:
        shown["authentication_value"] = a.authentication_value.hex()
    return shown


def _aarq(a: acse.Aarq) -> dict[str, Any]:
    return {"type": "aarq", "context": a.context} | _titles(a)


def _aare(a: acse.Aare) -> dict[str, Any]:
    source = "provider" if a.diagnostic_by_provider else "user"
    return {"type": "aare", "context": a.context, "result": a.result, "diagnostic": a.diagnostic,
            "diagnostic_source": source} | _titles(a)  # fmt: skip


def _release(a: acse.Release) -> dict[str, Any]:
    return {"type": "rlre" if a.response else "rlrq", "reason": a.reason}


def _block(a: Block) -> dict[str, Any]:
    return {"type": "general-block-transfer", "last": a.last, "streaming": a.streaming,
            "window": a.window, "block": a.number, "acknowledged": a.acknowledged,
            "raw": a.data.hex()}  # fmt: skip


SHOW: Final[dict[Any, Callable[[Any], dict[str, Any]]]] = {
    get.GetRequest: _get_request, get.GetNext: _get_next, get.GetList: _get_list,
    get.GetResponse: _get_response, get.GetBlock: _get_block,
    get.GetListResponse: _get_list_response, set_.SetRequest: _set_request,
    set_.SetFirstBlock: _set_first, set_.SetBlock: _set_block, set_.SetList: _set_list,
    set_.SetResponse: _set_response, set_.SetBlockResponse: _set_block_response,
    set_.SetListResponse: _set_list_response, action.ActionRequest: _action_request,
    action.ActionNextBlock: _action_next, action.ActionFirstBlock: _action_first,
    action.ActionBlock: _action_block, action.ActionResponse: _action_response,
    action.ActionBlockTaken: _action_taken, set_.SetListFirstBlock: _set_list_first,
    action.ActionList: _action_list, action.ActionListFirstBlock: _action_list_first,
    action.ActionListResponse: _action_list_response, access.AccessRequest: _access_request,
    access.AccessResponse: _access_response, push.DataNotification: _data_notification,
    push.DataNotificationConfirm: _data_confirm, push.EventNotification: _event_notification,
    errors.ExceptionResponse: _exception, errors.ConfirmedServiceError: _service_error,
    acse.InitiateRequest: _initiate_request, acse.InitiateResponse: _initiate_response,
    acse.Aarq: _aarq, acse.Aare: _aare, acse.Release: _release, Block: _block,
}  # fmt: skip


def show_apdu(apdu: Any) -> dict[str, Any]:
    """Return a decoded, unprotected APDU in the translator's notation."""
    return SHOW[type(apdu)](apdu)
