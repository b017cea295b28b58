"""The description of the API, made of the operations themselves."""

from typing import Any

from web.app import find_endpoints
from web.endpoint import Call, get
from web.openapi import describe


async def openapi(call: Call) -> Any:
    """Answer an OpenAPI document."""
    return describe(find_endpoints(), call.web.node.version)


routes = (get("/api/v1/openapi.json", openapi, "This description", dict[str, Any]),)
