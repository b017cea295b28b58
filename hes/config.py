"""The configuration of a node: TOML, overridden by the environment (see CONTRACT: Configuration).

``HES_WEB__BIND`` overrides ``[web] bind``, ``HES_LISTENER__0__BIND`` the first ``[[listener]]``.
Relative files are taken from the folder of the configuration file.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, field

from hes.config_tree import ConfigError, Tree, read_toml
from hes.config_values import (
    Bind,
    DatabaseUrl,
    Expression,
    LinkName,
    Name,
    ObisCode,
    ProfileName,
    Seconds,
)
from hes.rules.limits import Limits, load_limits

__all__ = ["Config", "ConfigError", "ListenerConfig", "load_config"]

DEFAULT_FILE: Final = Path("hes.toml")
ENVIRONMENT: Final = "environment"
READS_MAX: Final = 100_000

MAKER_KEY_SIZE: Final = 32


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the file."""


class StoreConfig(Section, frozen=True, kw_only=True):
    """``[store]``: the event log."""

    url: DatabaseUrl = DatabaseUrl("sqlite:///hes-events.db")
    password_file: str | None = None
    """File with the database password, so that it stands in no URL."""
    seal: bool = True
    """Whether the node moves old events into small blocks, once a day."""
    seal_after_days: Annotated[int, Meta(ge=1, le=36_500)] = 7
    """Whole local days before the present one that stay as they are."""


class ReadModelConfig(Section, frozen=True, kw_only=True):
    """``[read_model]``: the tables that screens and reports read."""

    url: DatabaseUrl = DatabaseUrl("sqlite:///hes-read.db")
    password_file: str | None = None
    report_url: DatabaseUrl | None = None
    """A standby of the same database, for long queries; it may lag a little."""
    partitions: bool = False
    """In Oracle with its Partitioning: one table with a partition a day, not a table a day."""
    keep_days: Annotated[int, Meta(ge=1, le=36_500)] | None = None
    """Intervals of load profiles, and the energy of their days, go after so many days."""


class WebConfig(Section, frozen=True, kw_only=True):
    """``[web]``: dashboard and API."""

    bind: Bind = Bind("127.0.0.1:8080")
    token_file: str | None = None
    """File with the hashed tokens; needed when bound to more than this machine."""
    public_url: str | None = None
    """How browsers reach the node, when a proxy stands before it; decides the allowed origin."""


class ListenerConfig(Section, frozen=True, kw_only=True):
    """``[[listener]]``: one port that modems dial into."""

    name: Name
    bind: Bind
    link: LinkName = LinkName("auto")
    registration: Expression | None = None
    """What a raw modem says first; the group ``modem_id`` is its name."""
    registration_mode: Literal["link", "data", "both"] = "link"
    """``link``: once; ``data``: in front of every packet; ``both``."""
    heartbeat: Expression | None = None
    """What a raw modem sends by itself to stay connected."""
    idle_s: Seconds = field(default=Seconds(3600.0), name="idle")
    """A connection that is quiet for so long is closed."""
    probe: bool = True
    """Whether a caller that says nothing is looked for: by its address, and by asking meters."""


class ConnectorConfig(Section, frozen=True, kw_only=True):
    """``[connector]``: calls to modems and meters that listen (see the modem list)."""

    concurrency: Annotated[int, Meta(ge=1, le=10_000)] = 50
    """Calls that are being set up at a time."""
    timeout_s: Seconds = field(default=Seconds(20.0), name="timeout")
    """A call that is not taken within so long has failed."""
    idle_s: Seconds = field(default=Seconds(60.0), name="idle")
    """A connection that is held on demand is closed after so long without a byte."""
    pause_s: Seconds = field(default=Seconds(2.0), name="pause")
    """Before the first call again; doubled each time."""
    pause_s_max: Seconds = field(default=Seconds(300.0), name="longest_pause")


class FirmwareConfig(Section, frozen=True, kw_only=True):
    """``[firmware]``: images for modems."""

    folder: str = "hes-firmware"
    maker: str | None = None
    """Public Ed25519 key of those whose firmware is offered, hex; without it only the modems
    look who signed."""


class CollectionConfig(Section, frozen=True, kw_only=True):
    """``[collection]``: the scheduled reads."""

    enabled: bool = True
    every_s: Seconds = field(default=Seconds(1800.0), name="every")
    jitter_s: Seconds = field(default=Seconds(600.0), name="jitter")
    """Reads are spread over so long a part of each period; never over more than the period."""
    profiles: tuple[ProfileName, ...] = (ProfileName("load"),)
    registers: tuple[ObisCode, ...] = ()
    """Empty: those of the meter type."""
    concurrency: Annotated[int, Meta(ge=1, le=READS_MAX)] = 1000
    """Meters that may be read at the same time."""
    ask_timeout_s: Seconds = field(default=Seconds(120.0), name="ask_timeout")
    """A read on demand fails after so long."""


class MeterTypesConfig(Section, frozen=True, kw_only=True):
    """``[meter_types]``: how meters of one type are read."""

    folder: str | None = None
    """Folder with files of one's own, beside those that come with the program."""


class NodeConfig(Section, frozen=True, kw_only=True):
    """``[node]``: this program."""

    name: Name = Name("main")
    timezone: ZoneInfo = ZoneInfo("Asia/Ho_Chi_Minh")
    """Local time of the meters, for those that tell no offset."""


class LogConfig(Section, frozen=True, kw_only=True):
    """``[log]``: what is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    style: Literal["auto", "console", "json"] = "auto"
    """``auto``: lines for people on a terminal, JSON lines elsewhere."""


class Config(Section, frozen=True, kw_only=True):
    """Everything a node must be told."""

    store: StoreConfig = StoreConfig()
    read_model: ReadModelConfig = ReadModelConfig()
    web: WebConfig = WebConfig()
    listener: tuple[ListenerConfig, ...] = ()
    connector: ConnectorConfig = ConnectorConfig()
    collection: CollectionConfig = CollectionConfig()
    firmware: FirmwareConfig = FirmwareConfig()
    meter_types: MeterTypesConfig = MeterTypesConfig()
    node: NodeConfig = NodeConfig()
    log: LogConfig = LogConfig()
    rules: Limits = field(default_factory=load_limits)
    """The limits that ship with the program, with single values replaced."""


def load_config(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Return the configuration in ``path``, or the defaults for None, under ``environ``.

    Raises:
        ConfigError: something in it cannot be used; the message says what to mend.

    """
    where = path.name if path is not None else ENVIRONMENT
    tree = Tree(Config, where, {} if path is None else read_toml(path))
    tree.overlay(environ)
    rules = tree.data.pop("rules", {})
    config: Config = tree.convert("", Config, tree.data)
    limits = tree.convert("rules", Limits, _merged(msgspec.to_builtins(config.rules), rules))
    config = msgspec.structs.replace(config, rules=limits)
    for key, problem in _contradictions(config):
        tree.fail(key, problem)
    return config if path is None else _in_folder(config, path.absolute().parent)


def _merged(
    shipped: dict[str, dict[str, object]], own: Mapping[str, Mapping[str, object]]
) -> object:
    return {name: values | dict(own.get(name, {})) for name, values in shipped.items()}


def _in_folder(config: Config, folder: Path) -> Config:
    """Return the configuration with relative files taken from ``folder``."""
    replace = msgspec.structs.replace

    def full(file: str | None) -> str | None:
        return None if file is None else str(folder / file)

    return replace(
        config,
        store=replace(
            config.store,
            url=config.store.url.under(folder),
            password_file=full(config.store.password_file),
        ),
        read_model=replace(
            config.read_model,
            url=config.read_model.url.under(folder),
            report_url=config.read_model.report_url and config.read_model.report_url.under(folder),
            password_file=full(config.read_model.password_file),
        ),
        web=replace(config.web, token_file=full(config.web.token_file)),
        firmware=replace(config.firmware, folder=str(folder / config.firmware.folder)),
        meter_types=replace(config.meter_types, folder=full(config.meter_types.folder)),
    )


# -- values that are right one by one, and wrong together


def _contradictions(config: Config) -> Iterator[tuple[str, str]]:
    """Yield the key and the sentence of everything that contradicts something else."""
    web = config.web
    if not web.bind.loopback and web.token_file is None:
        yield (
            "web.bind",
            f"{web.bind} can be reached from other machines, so web.token_file is needed;"
            " or bind to 127.0.0.1",
        )
    if config.store.url == config.read_model.url and config.store.url.file is not None:
        yield "read_model.url", "is the same file as store.url; name another"
    for key, value in _durations(config):
        if value <= 0:
            yield key, "must be longer than 0s"
    if not _is_maker(config.firmware.maker):
        yield "firmware.maker", f"must be {2 * MAKER_KEY_SIZE} hex digits"
    yield from _listeners(config)
    yield from _limits(config.rules)


def _is_maker(text: str | None) -> bool:
    try:
        return text is None or len(bytes.fromhex(text)) == MAKER_KEY_SIZE
    except ValueError:
        return False


def _durations(config: Config) -> Iterator[tuple[str, float]]:
    yield "collection.every", config.collection.every_s
    yield "collection.ask_timeout", config.collection.ask_timeout_s
    connector = config.connector
    yield "connector.timeout", connector.timeout_s
    yield "connector.idle", connector.idle_s
    yield "connector.pause", connector.pause_s
    yield "connector.longest_pause", connector.pause_s_max
    for number, listener in enumerate(config.listener):
        yield f"listener[{number}].idle", listener.idle_s


def _listeners(config: Config) -> Iterator[tuple[str, str]]:
    names: set[str] = set()
    taken = {config.web.bind: "web.bind"}
    for number, listener in enumerate(config.listener):
        key = f"listener[{number}]"
        if listener.name in names:
            yield f"{key}.name", f"{listener.name!r} is the name of an earlier listener too"
        if listener.bind.port and listener.bind in taken:
            yield f"{key}.bind", f"{listener.bind} is taken by {taken[listener.bind]}"
        if listener.link == "raw" and listener.registration is None and not listener.probe:
            yield (
                f"{key}.registration",
                "a raw link needs the text that modems say first, or probe = true",
            )
        if listener.heartbeat is not None and listener.link not in {"auto", "raw"}:
            yield f"{key}.heartbeat", f"only raw links have one; {listener.link} has its own"
        names.add(listener.name)
        taken[listener.bind] = f"{key}.bind"


def _limits(rules: Limits) -> Iterator[tuple[str, str]]:
    voltage, clock = rules.over_voltage, rules.clock
    if not 0 < voltage.off_ratio <= voltage.on_ratio:
        yield (
            "rules.over_voltage.off_ratio",
            f"{voltage.off_ratio:g} must be above 0 and not above on_ratio, {voltage.on_ratio:g}",
        )
    if voltage.nominal_v <= 0:
        yield "rules.over_voltage.nominal_v", "must be above 0"
    if voltage.samples < 1:
        yield "rules.over_voltage.samples", "must be at least 1"
    if not 0 <= clock.quiet_s <= clock.slew_s <= clock.set_s:
        yield (
            "rules.clock",
            f"quiet_s {clock.quiet_s:g}, slew_s {clock.slew_s:g} and set_s {clock.set_s:g}"
            " must rise in this order",
        )
