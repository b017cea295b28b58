"""The application: every operation found in ``web.api``, the pages, and the guards around them."""

import importlib
import pkgutil

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp

import web.api
from web.context import Web
from web.endpoint import Endpoint
from web.errors import tell
from web.gate import Gate
from web.security import Security
from web.static import Pages


def find_endpoints() -> list[Endpoint]:
    """Return the operations of every module in ``web.api``, by path.

    A module has ``routes``; a new resource is a new file there, and nothing else is edited.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(web.api.__path__))
    modules = [importlib.import_module(f"{web.api.__name__}.{name}") for name in names]
    found: list[Endpoint] = [endpoint for module in modules for endpoint in module.routes]
    return sorted(found, key=lambda endpoint: (endpoint.path, endpoint.method))


def build_app(shared: Web, gate: Gate, pages: Pages | None = None) -> ASGIApp:
    """Return the ASGI application."""
    routes = [endpoint.route(shared) for endpoint in find_endpoints()]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Security, gate=gate)],
        exception_handlers={HTTPException: tell, Exception: tell},
    )
    # What no route knows, not even by another method, is a page.
    app.router.default = pages or Pages()
    return app
