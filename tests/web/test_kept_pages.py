"""Kept messages over HTTP: in the order they came or the newest first, page by page."""

from typing import Any

import httpx


async def test_kept_messages_are_asked_for_as_the_caller_wants(
    site: Any, http: httpx.AsyncClient
) -> None:
    answer = await http.get("/api/v1/kept")
    assert answer.status_code == 200
    query = {"newest": "true", "before": "9", "limit": "1"}
    page = (await http.get("/api/v1/kept", params=query)).json()
    assert [row["position"] for row in page["kept"]] == [3]
    assert page["next"] == 3, "a full page tells where to go on"
    assert answer.json()["next"] is None, "one that is not full is the last"
    asked = [arguments for name, arguments in site.node.read_model.asked if name == "kept"]
    assert asked == [
        {"after": 0, "before": 0, "newest": False, "limit": 100},
        {"after": 0, "before": 9, "newest": True, "limit": 1},
    ]
