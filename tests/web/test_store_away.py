"""What the API says while the store is away: 503 for what was not done, 202 for what will be."""

from typing import Any

import httpx
import pytest
import trio

from hes.commands import DoneLater, StoreAway

POSTS = [
    ("/api/v1/devices", "import_devices", "meter_id,modem_id\n1,M\n"),
    ("/api/v1/alarms/7/acknowledge", "acknowledge", "{}"),
    ("/api/v1/projections/latest/rebuild", "rebuild", "{}"),
]


def failing(node: Any, method: str, problem: Exception) -> None:
    async def fail(*_args: Any, **_options: Any) -> Any:
        await trio.lowlevel.checkpoint()
        raise problem

    setattr(node, method, fail)


@pytest.mark.parametrize(("path", "method", "body"), POSTS)
async def test_what_was_not_done_is_a_503(
    site: Any, http: httpx.AsyncClient, path: str, method: str, body: str
) -> None:
    failing(site.node, method, StoreAway("it"))
    answer = await http.post(path, content=body)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    error = answer.json()["error"]
    assert error["code"] == "store-away"
    assert error["message"] == (
        "the store did not answer within 5 s, so it was not done, and will not be; try again"
    )


@pytest.mark.parametrize(("path", "method", "body"), POSTS)
async def test_what_will_be_done_is_a_202(
    site: Any, http: httpx.AsyncClient, path: str, method: str, body: str
) -> None:
    failing(site.node, method, DoneLater("it"))
    answer = await http.post(path, content=body)
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": {
            "message": "the store did not answer within 5 s; it is accepted, and written down when"
            " the store is back, unless the node is stopped before"
        }
    }


@pytest.mark.parametrize("problem", [StoreAway("the command"), DoneLater("the command")])
async def test_commands_say_the_same(
    site: Any, http: httpx.AsyncClient, problem: Exception
) -> None:
    failing(site.node.commander, "execute", problem)
    answer = await http.post("/api/v1/meters/1/read", json={"obis": ["1.8.0"]})
    assert answer.status_code == (503 if isinstance(problem, StoreAway) else 202)


async def test_an_alarm_that_cannot_be_looked_up_in_time_is_a_503(
    site: Any, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.endpoint.STORE_S", 0.05)
    ended = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def hang(_id: int) -> None:
        trio.from_thread.run(ended.wait, trio_token=token)

    monkeypatch.setattr(site.node.read_model, "alarm", hang)
    answer = await http.post("/api/v1/alarms/7/acknowledge", json={})
    assert answer.status_code == 503
    ended.set()


async def test_an_import_says_why(site: Any, http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/api/v1/devices", content=POSTS[0][2], params={"reason": "roll-out of district 3"}
    )
    assert answer.status_code == 200
    assert site.node.imported == [("local", "roll-out of district 3")]


async def test_the_description_tells_of_it(http: httpx.AsyncClient) -> None:
    told = (await http.get("/api/v1/openapi.json")).json()
    for path, _, _ in POSTS:
        name = path.replace("/7/", "/{alarm_id}/").replace("/latest/", "/{name}/")
        assert {"202", "503"} <= told["paths"][name]["post"]["responses"].keys()
    assert "202" not in told["paths"]["/api/v1/devices"]["get"]["responses"]
    assert "accepted" in told["components"]["schemas"]["Accepted"]["properties"]


async def test_monitoring_sees_which_store_is_away(http: httpx.AsyncClient) -> None:
    told = (await http.get("/metrics")).text
    assert '\nhes_store_away{store="log"} 0.0\n' in told
    assert '\nhes_store_away{store="read_models"} 1.0\n' in told
