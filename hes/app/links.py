"""What the links of a node's connections are told: texts of the configuration, time, secrets."""

from typing import Final

from actors.context import Context
from hes.config import Config, ListenerConfig
from protocols.links.base import LinkSettings
from protocols.links.registry import KINDS
from protocols.links.world import LinkWorld

METERS: Final = frozenset({"dlms-push", "dsmr4", "mode-d"})
"""Kinds of links that are no modem's: a meter speaks, and says who it is."""


def link_world(config: Config, context: Context) -> LinkWorld:
    """Return the world as links see it."""
    zone, clock = config.node.timezone, context.clock
    return LinkWorld(
        now=lambda: clock.now().astimezone(zone),
        random_bytes=context.rng.randbytes,
        secret_of=context.modems.secret_of,
        stored_up_to=context.modems.stored_up_to,
    )


def link_settings(config: Config, context: Context, *, link: str) -> LinkSettings:
    """Return what the links of modems are told that we call."""
    return LinkSettings(link=link, world=link_world(config, context))


def listener_settings(wanted: ListenerConfig, config: Config, context: Context) -> LinkSettings:
    """Return what the links of a listener are told."""
    # Without a text, a raw modem is a silent caller: it is looked for, and no link is taken for it.
    nameless = wanted.link == "raw" and wanted.registration is None
    return LinkSettings(
        link="auto" if nameless else wanted.link,
        registration=wanted.registration,
        registration_mode=wanted.registration_mode,
        heartbeat=wanted.heartbeat,
        left_out=tuple(KINDS.keys() - METERS) if nameless else (),
        world=link_world(config, context),
    )
