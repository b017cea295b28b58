"""``hes log``: the life of the event log: sealing, holds, retention, backup, restore."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hes.cli import output
from hes.cli.auditing import PasswordFile, Store
from hes.cli.options import ConfigFile, Json
from hes.ids import METER_PREFIX

if TYPE_CHECKING:
    from datetime import datetime

    from hes.cli.log_store import Doors
    from hes.store.holds import Holder

Name = Annotated[
    str, typer.Argument(help="A meter, or a stream by its whole name: modem:8612.", metavar="METER")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the log.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="log", help="Look after the event log itself, beside a node.", no_args_is_help=True
    )
    for command in (seal, hold, release, holds, retain, backup, restore):
        group.command(name=command.__name__)(command)
    app.add_typer(group)


def seal(
    before: Annotated[
        str | None,
        typer.Option(help="Only days before this one; without it: before today.", metavar="DATE"),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many events.", min=1)] = None,
    config: ConfigFile = None,
    store: Store = None,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Move the events of past days into small blocks, verified before they leave their table."""
    from hes.cli.log_store import doors, midnight, zone_of  # noqa: PLC0415 -- --help stays quick
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio
    from hes.store.life import sealed_note  # noqa: PLC0415 -- as above
    from hes.store.sealing import Sealer  # noqa: PLC0415 -- as above
    from hes.store.snapshots import refresh  # noqa: PLC0415 -- as above

    now, zone = SystemClock().now(), zone_of(config, store)
    until = midnight(before, now, zone)
    with (
        doors(config, store, password_file) as open_log,
        output.progress("sealing events", open_log.log.head()) as bar,
    ):
        refreshed = partial(refresh, open_log.log, open_log.codec)
        told = sealed_note(open_log.codec, *_who())
        sealer = Sealer(open_log.database, zone, before_segment=refreshed, told=told)
        done = sealer.seal(until, now=now, most=limit, progress=lambda at, _head: bar(at, ""))
    if json:
        output.write_json(done._asdict())
        return
    output.write_line(
        f"{output.plural(done.events, 'event')} sealed in {done.octets} octets;"
        f" everything up to position {done.position} is sealed"
    )


def hold(
    name: Name,
    reason: Reason = "",
    config: ConfigFile = None,
    store: Store = None,
    password_file: PasswordFile = None,
) -> None:
    """Keep all events of a meter, however old, until the hold is released."""
    from hes.cli.log_store import doors  # noqa: PLC0415 -- keeps `hes --help` quick

    with doors(config, store, password_file) as open_log:
        _holder(open_log).place(_stream(name), *_who(), reason)
    output.write_line(f"{_stream(name)} is on hold: none of its events will be purged")


def release(
    name: Name,
    reason: Reason = "",
    config: ConfigFile = None,
    store: Store = None,
    password_file: PasswordFile = None,
) -> None:
    """End a hold: the next `hes log retain` may purge what is old enough."""
    from hes.cli.log_store import doors  # noqa: PLC0415 -- keeps `hes --help` quick

    with doors(config, store, password_file) as open_log:
        _holder(open_log).release(_stream(name), *_who(), reason)
    output.write_line(f"{_stream(name)} is not on hold any more")


def holds(
    config: ConfigFile = None,
    store: Store = None,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """List what is on hold, since when, by whom and why."""
    from hes.cli.auditing import opened  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.store.holds import holds as held  # noqa: PLC0415 -- as above

    with opened(config, store, password_file) as (log, codec):
        found = [
            {
                "stream": stream, "since": event.received_at.isoformat(), "actor": event.actor,
                "reason": event.reason,
            }
            for stream, event in sorted(held(log, codec).items())
        ]  # fmt: skip
    if json:
        output.write_json(found)
    else:
        rows = [
            (e["stream"], output.local_time(e["since"]), e["actor"], e["reason"]) for e in found
        ]
        output.write_table(("stream", "since", "by", "reason"), rows)


def retain(
    days: Annotated[int, typer.Option(help="Days that stay.", min=1)],
    reason: Reason = "",
    config: ConfigFile = None,
    store: Store = None,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Delete sealed measurements older than so many days for good, but for what is on hold."""
    from hes.cli.log_store import doors  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.store.retention import Retention  # noqa: PLC0415 -- as above

    with (
        doors(config, store, password_file) as open_log,
        output.progress("purging", 1) as told,
    ):
        retention = Retention(open_log.database, open_log.log, open_log.codec)
        # Days take their turn in one bar.
        done = retention.purge(days, *_who(), reason, lambda at, of: told(at // of, f"{at}/{of}"))
    if json:
        output.write_json(done._asdict())
        return
    output.write_line(
        f"{output.plural(done.events, 'event')} purged; {done.kept} of the same days stay"
    )
    if done.unanchored:
        output.write_line(
            f"{output.plural(done.unanchored, 'segment')} of old days stay: no anchor covers them"
            " yet; a running node makes one a day"
        )


def backup(
    file: Annotated[Path, typer.Argument(help="The new file.", metavar="FILE")],
    config: ConfigFile = None,
    store: Store = None,
) -> None:
    """Copy the log (SQLite) to a new file, beside a node that writes; verify the copy."""
    from hes.cli.log_store import log_file  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.store.backup import back_up  # noqa: PLC0415 -- as above

    with output.progress("copying and verifying", 100) as told:
        head = back_up(
            log_file(config, store), file, lambda done, of: told(100 * done // max(of, 1), "")
        )
    output.write_line(
        f"{file} holds {output.plural(head, 'event')}, as they were written, and the device list"
        " with its keys: keep it like the keys"
    )


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.", metavar="FILE")],
    config: ConfigFile = None,
    store: Store = None,
) -> None:
    """Put a backup in the place of the log (SQLite), once verified; the node must be stopped."""
    from hes.cli.log_store import log_file  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.store.backup import restore as put_back  # noqa: PLC0415 -- as above

    target = log_file(config, store)
    with output.progress("verifying", 100) as told:
        head = put_back(file, target, lambda done, of: told(100 * done // max(of, 1), ""))
    output.write_line(f"{target} holds {output.plural(head, 'event')} of {file}")
    if store is None:
        _read_model_aside(config)
    else:
        output.note("the read models may be ahead of it: make them anew")


def _read_model_aside(config: Path | None) -> None:
    from hes.cli.settings import config_of  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.store.backup import set_aside  # noqa: PLC0415 -- as above

    wanted = config_of(config).read_model.url
    if wanted.file is None:
        output.note(f"the read models in {wanted.shown} may be ahead of it: drop their tables")
    elif set_aside(wanted.file):
        output.write_line(f"{wanted.file} was set aside: the read models are made anew")


def _holder(open_log: "Doors") -> "Holder":
    from hes.store.holds import Holder  # noqa: PLC0415 -- keeps `hes --help` quick

    return Holder(open_log.log, open_log.records, open_log.codec)


def _who() -> "tuple[datetime, str]":
    """Return the time and who types."""
    from hes.app.settings_told import starter  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio

    return SystemClock().now(), starter()


def _stream(name: str) -> str:
    return name if ":" in name else METER_PREFIX + name
