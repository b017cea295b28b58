"""Meter types as data: what meters of one type do otherwise, one TOML file each."""
