from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from hes.config import Config, ConfigError, load_config
from hes.config_values import Bind, DatabaseUrl, Seconds
from hes.rules.limits import load_limits

CONTRACT = """
[store]
url = "sqlite:///hes-events.db"
[read_model]
url = "sqlite:///hes-read.db"
[web]
bind = "127.0.0.1:8080"
[[listener]]
name = "pipe"
bind = "0.0.0.0:4059"
link = "auto"
registration = 'MODEM:(?P<modem_id>\\w+)\\r\\n'
registration_mode = "link"
heartbeat = 'HB'
[collection]
every = "30m"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hes.toml"


def load(file: Path, text: str, **environ: str) -> Config:
    file.write_text(text, encoding="utf-8")
    return load_config(file, environ)


def sentence(file: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(file, text, **environ)
    return str(caught.value)


def test_the_example_of_the_contract_is_understood(file: Path) -> None:
    config = load(file, CONTRACT)
    (listener,) = config.listener
    assert (listener.name, listener.bind, listener.link) == ("pipe", "0.0.0.0:4059", "auto")
    assert listener.registration == r"MODEM:(?P<modem_id>\w+)\r\n"
    assert (listener.registration_mode, listener.heartbeat) == ("link", "HB")
    assert config.collection.every_s == 1800


def test_without_a_file_the_defaults_hold() -> None:
    config = load_config(None, {})
    assert config.store.url == "sqlite:///hes-events.db"
    assert config.read_model.url == "sqlite:///hes-read.db"
    assert config.web.bind == "127.0.0.1:8080"
    assert config.listener == ()
    assert config.collection.enabled
    assert (config.collection.every_s, config.collection.jitter_s) == (1800, 600)
    assert (config.collection.profiles, config.collection.registers) == (("load",), ())
    assert (config.node.name, config.node.timezone) == ("main", ZoneInfo("Asia/Ho_Chi_Minh"))
    assert config.rules == load_limits()


def test_files_are_taken_from_the_folder_of_the_configuration(file: Path) -> None:
    text = '[web]\ntoken_file = "tokens"\n[read_model]\nurl = "sqlite:////var/r.db"\n'
    config = load(file, text + 'password_file = "pw"\n')
    assert config.store.url == f"sqlite:///{file.parent}/hes-events.db"
    assert config.read_model.url == "sqlite:////var/r.db"
    assert config.web.token_file == str(file.parent / "tokens")
    assert config.read_model.password_file == str(file.parent / "pw")


def test_a_relative_configuration_file_still_gives_whole_paths(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("")
    monkeypatch.chdir(file.parent)
    config = load_config(Path("hes.toml"), {})
    assert config.store.url.file == file.parent / "hes-events.db"


# -- the environment


def test_the_environment_overrides_the_file(file: Path) -> None:
    config = load(
        file,
        CONTRACT,
        HES_WEB__BIND="127.0.0.1:9000",
        HES_LISTENER__0__BIND="127.0.0.1:1",
        HES_COLLECTION__ENABLED="no",
        HES_COLLECTION__CONCURRENCY="7",
        HES_COLLECTION__REGISTERS="1.8.0, 2.8.0",
        HES_RULES__OVER_VOLTAGE__NOMINAL_V="220",
    )
    assert config.web.bind.port == 9000
    assert (config.listener[0].bind, config.listener[0].name) == ("127.0.0.1:1", "pipe")
    assert not config.collection.enabled
    assert config.collection.concurrency == 7
    assert config.collection.registers == ("1.0.1.8.0.255", "1.0.2.8.0.255")
    assert config.rules.over_voltage.nominal_v == 220
    assert config.rules.over_voltage.samples == load_limits().over_voltage.samples


def test_the_environment_alone_can_make_listeners() -> None:
    environ = {f"HES_LISTENER__{n}__NAME": f"p{n}" for n in range(12)}
    environ |= {f"HES_LISTENER__{n}__BIND": f"[::]:{4000 + n}" for n in range(12)}
    config = load_config(None, environ)
    assert [listener.name for listener in config.listener] == [f"p{n}" for n in range(12)]
    assert [listener.bind.port for listener in config.listener] == list(range(4000, 4012))


def test_an_empty_variable_takes_a_key_out(file: Path) -> None:
    text = '[web]\ntoken_file = "t"\npublic_url = "https://x"\n'
    config = load(file, text, HES_WEB__PUBLIC_URL="")
    assert (config.web.public_url, config.web.token_file) == (None, str(file.parent / "t"))


def test_variables_of_other_things_are_left_alone() -> None:
    environ = {"HES_TOKEN": "x", "HES_TEST_VECTORS": "/v", "OTHER__WEB": "1", "HES_SKIP_UI": "1"}
    assert load_config(None, environ) == load_config(None, {})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("HES_FOO__X", "1", "unknown key; known here are store, read_model, web"),
        ("HES_WEB__BND", "x", "unknown key; did you mean web.bind?"),
        ("HES_WEB__BIND__X", "x", "web.bind is a single value; nothing is below it"),
        ("HES_LISTENER__1__NAME", "x", "listener is a list; its next free index is 0"),
        ("HES_LISTENER__X__NAME", "x", "listener is a list; its next free index is 0"),
        ("HES_LISTENER__0", "x", "this is a table; add __ and the name of a key"),
        ("HES_COLLECTION__ENABLED", "maybe", "must be true or false, not 'maybe'"),
        ("HES_COLLECTION__CONCURRENCY", "x", "must be a whole number, not 'x'"),
        ("HES_COLLECTION__REGISTERS", "1.8.0,z", "'z' is no OBIS code"),
        ("HES_RULES__CLOCK__QUIET_S", "x", "must be a number, not 'x'"),
        ("HES_WEB__BIND", "0.0.0.0:80", "can be reached from other machines"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, {name: value})
    assert str(caught.value).startswith(f"{name}: ")
    assert told in str(caught.value)


# -- sentences


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[web]\nbnd = "1"', "hes.toml: web.bnd: unknown key; did you mean web.bind?"),
        ("[wob]", "hes.toml: wob: unknown key; did you mean web?"),
        ("[[listener]]\nbind='x:1'", "hes.toml: listener[0].name: this key is needed here"),
        (
            "[[listener]]\nname='a'\nbind='a:1'\n[[listener]]\nname='b'\nbind='b:1'\nhearbeat='x'",
            "hes.toml: listener[1].hearbeat: unknown key; did you mean listener[1].heartbeat?",
        ),
        ("[rules.clock]\nquiet = 1", "rules.clock.quiet: unknown key; did you mean"),
        ("web = 3", "hes.toml: web: must be a table; write [web]"),
        ("listener = 3", "hes.toml: listener: must be a list of tables; write [[listener]]"),
        ("[collection]\nevery = 30", 'collection.every: a duration needs a unit; write "30s"'),
        ('[collection]\nevery = "0s"', "collection.every: must be longer than 0s"),
        ('[collection]\nconcurrency = "x"', "must be a whole number, not text in quotes"),
        ("[collection]\nconcurrency = 0", "collection.concurrency: must be a whole number >= 1"),
        ('[collection]\nregisters = ["1.8.0", "x"]', "collection.registers[1]: 'x' is no OBIS"),
        ('[collection]\nprofiles = ["lood"]', "'lood' is no profile; write load, billing, events"),
        ('[node]\ntimezone = "Asia/Ho_chi_min"', "did you mean 'Asia/Ho_Chi_Minh'?"),
        ('[node]\ntimezone = "../../etc/passwd"', "is no time zone"),
        ('[node]\nname = "a b"', "'a b' is no name"),
        ('[log]\nlevel = "loud"', "log.level: 'loud' is none of debug, info, warning, error"),
        ("[store]\nurl = 'sqlite://x.db'", '"sqlite://x.db" needs a third slash'),
        ("[rules.clock]\nslew_s = 1.0", "must rise in this order"),
        ("[rules.over_voltage]\noff_ratio = 1.2", "must be above 0 and not above on_ratio, 1.05"),
        ("[rules.over_voltage]\nsamples = 0", "rules.over_voltage.samples: must be at least 1"),
        ('[read_model]\nurl = "sqlite:///hes-events.db"', "is the same file as store.url"),
        ("a =", "hes.toml: no TOML: Invalid value"),
        ("a = " + "[" * 50_000, "hes.toml: lists or tables are nested too deep"),
        ("a = 'x'\n" + "#" * 1_100_000, "hes.toml: the file is larger than 1048576 bytes"),
    ],
)
def test_each_mistake_has_its_sentence(file: Path, text: str, told: str) -> None:
    assert told in sentence(file, text)


LISTENER = "[[listener]]\nname = 'p'\nbind = '0.0.0.0:4059'\n"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("link = 'foo'", "listener[0].link: 'foo' is none of auto, raw, prot, ddp"),
        ("link = 'raw'\nprobe = false", "listener[0].registration: a raw link needs the text"),
        ("link = 'prot'\nheartbeat = 'HB'", "listener[0].heartbeat: only raw links have one"),
        ("registration = 'M(?P<modem_id>'", "is no regular expression: missing )"),
        ("registration = '.*'", "matches the empty text, hence anything that comes"),
        ("registration = ''", "a regular expression is needed"),
        ("registration = '\u0111'", "has characters above U+00FF"),
        ("registration_mode = 'x'", "'x' is none of link, data, both"),
        ("idle = '0s'", "listener[0].idle: must be longer than 0s"),
        (LISTENER, "listener[1].name: 'p' is the name of an earlier listener too"),
        (LISTENER.replace("'p'", "'q'"), "listener[1].bind: 0.0.0.0:4059 is taken by listener[0]"),
    ],
)
def test_each_mistake_of_a_listener_has_its_sentence(file: Path, more: str, told: str) -> None:
    assert told in sentence(file, LISTENER + more)


def test_a_file_that_cannot_be_read_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: there is no such file; name it with"):
        load_config(tmp_path / "absent.toml", {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path, {})
    file.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match=r"hes\.toml: byte 5 is no UTF-8"):
        load_config(file, {})


def test_a_password_in_a_url_is_never_told(file: Path) -> None:
    assert "geheim" not in sentence(file, "[store]\nurl = 'mysql://hes:geheim@db/x'")
    assert DatabaseUrl("oracle://hes:geheim@db").shown == "oracle://hes:***@db"
    assert DatabaseUrl("oracle://hes:ge:h/e@im@db").shown == "oracle://hes:***@db"
    assert DatabaseUrl("postgresql://hes@db/x?password=a:b/c").shown == (
        "postgresql://hes@db/x?password=***"
    )
    assert DatabaseUrl("oracle://hes@db:1521/FREE").shown == "oracle://hes@db:1521/FREE"


# -- who may reach the web


def test_a_node_seals_its_log_after_a_week_unless_it_is_told_otherwise(file: Path) -> None:
    assert (Config().store.seal, Config().store.seal_after_days) == (True, 7)
    told = load(file, "[store]\nseal = false\nseal_after_days = 30").store
    assert (told.seal, told.seal_after_days) == (False, 30)
    assert "store.seal_after_days: " in sentence(file, "[store]\nseal_after_days = 0")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.3.2.1"])
def test_this_machine_alone_needs_no_token(host: str) -> None:
    assert load_config(None, {"HES_WEB__BIND": f"{host}:80"}).web.bind.loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "10.0.0.1", "hes.example", "[::ffff:7f00:1]"])
def test_other_machines_need_a_token(host: str) -> None:
    environ = {"HES_WEB__BIND": f"{host}:80"}
    with pytest.raises(ConfigError, match=r"so web\.token_file is needed"):
        load_config(None, environ)
    assert not load_config(None, environ | {"HES_WEB__TOKEN_FILE": "t"}).web.bind.loopback


@pytest.mark.parametrize(
    "text", ["", ":80", "x", "x:", "x:70000", "x:-1", "::1:80", "[::1:80", "a b:1", "x:²"]
)
def test_a_broken_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|number from 0 to 65535"):
        Bind.parse(text)


def test_a_bind_knows_how_it_is_reached_from_here() -> None:
    assert Bind("0.0.0.0:80").url == "http://127.0.0.1:80"
    assert Bind("[::]:80").url == "http://[::1]:80"
    assert Bind("10.0.0.1:80").url == "http://10.0.0.1:80"
    assert (Bind("[fe80::1]:9").host, Bind("[fe80::1]:9").port) == ("fe80::1", 9)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("30m", 1800), ("1h30m", 5400), ("2d", 172_800), (" 1H ", 3600), ("0.5s", 0.5)],
)
def test_durations(text: str, seconds: float) -> None:
    assert Seconds.parse(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "m30", "30m1h", "1h 30m", "-5s", "1w", "999999d", "\u0663s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no duration|longer than"):
        Seconds.parse(text)


KEYS = ("WEB__BIND", "STORE__URL", "COLLECTION__EVERY", "NODE__TIMEZONE", "NODE__NAME",
        "LISTENER__0__REGISTRATION", "LISTENER__0__BIND", "COLLECTION__REGISTERS")  # fmt: skip


@given(st.sampled_from(KEYS), st.text(max_size=60))
def test_any_text_in_a_variable_is_taken_or_refused_by_its_name(key: str, text: str) -> None:
    listener = {"HES_LISTENER__0__NAME": "p", "HES_LISTENER__0__BIND": "127.0.0.1:1"}
    assert blamed({**listener, f"HES_{key}": text}) <= {f"HES_{key}", "HES_LISTENER__0__BIND"}


def blamed(environ: dict[str, str]) -> set[str]:
    """Return the variable that is refused, if one is; another exception fails the test."""
    try:
        load_config(None, environ)
    except ConfigError as problem:
        return {problem.where} - {"environment"}
    return set()


def test_a_table_that_a_variable_made_wrong_is_told_by_the_variable(file: Path) -> None:
    told = sentence(file, "", HES_RULES__CLOCK__SET_S="10")
    assert told.startswith("HES_RULES__CLOCK__SET_S: quiet_s 5")
