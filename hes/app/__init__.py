"""The composition root: puts store, actors, read models and web together. Nobody imports it."""

from hes.app.demo import run_demo
from hes.app.serve import run_node

__all__ = ["run_demo", "run_node"]
