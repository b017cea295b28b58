"""Two sites of one Oracle database, as Data Guard has them: a program around the double.

One of them is the primary. The standby offers the service ``hes_ro`` and the primary ``hes_rw``, as
services that follow the role do. Sessions at a standby read on, and each change is refused with
ORA-16000. Both see the same data.

``python oracle_sites.py H2_JAR FOLDER_OF_THE_DOUBLE`` prints a JSON line and serves until it is
killed. Orders are those of the double, and ``{"cmd": "role", "standby": true}`` and
``{"cmd": "always", "ora": 1653}``, which fails every change until ``{"cmd": "accept"}``.
"""

import json
import sys
import threading
from typing import Any

import jpype

jpype.startJVM("-Xmx384m", "-XX:TieredStopAtLevel=1", classpath=[sys.argv[1]])
sys.path.insert(0, sys.argv[2])

import tns_double  # noqa: E402 -- its folder is named on the command line

URL = "jdbc:h2:mem:sites;MODE=Oracle;DB_CLOSE_DELAY=-1;LOCK_TIMEOUT=20000"
COMMIT = 14


class Site(tns_double.Server):  # type: ignore[misc]
    """One server of the two."""

    standby = False
    always = 0
    refused = 0

    @property
    def refuse(self) -> int:
        """Return the error for whoever logs in now."""
        no_service = self.standby is not ("hes_ro" in self.connect_strings[-1])
        return self.refused or (12514 if no_service else 0)

    @refuse.setter
    def refuse(self, code: int) -> None:
        self.refused = code
        if not code:
            self.always = 0


class Orders(tns_double.Control):  # type: ignore[misc]
    """Takes orders for one site."""

    def serve(self, caller: Any) -> None:
        for line in caller.makefile("r"):
            order = json.loads(line)
            match order["cmd"]:
                case "role":
                    self.srv.standby = order["standby"]
                case "always":
                    self.srv.always = order["ora"]
                case "accept":
                    self.srv.refuse, self.plan = 0, None
                case "refuse":
                    self.srv.refuse = order["ora"]
                case "sessions":
                    alive = sum(not hasattr(one, "end") for one in self.srv.sessions)
                    caller.sendall(b'{"ok": true, "sessions": %d}\n' % alive)
                    continue
                case "statements":
                    seen = [sql for sql, _ in self.srv.statements]
                    self.srv.statements.clear()
                    caller.sendall(json.dumps({"ok": True, "statements": seen}).encode() + b"\n")
                    continue
                case _:
                    self.n, self.plan = 0, order
            caller.sendall(b'{"ok": true}\n')

    def fault(self, session: Any, function: int) -> None:
        if function == COMMIT and self.srv.standby and session.txn:
            session.be.rollback()
            raise tns_double.OraError(16000, "database open for read-only access")
        super().fault(session, function)


def refusing(perform: Any) -> Any:
    """Return ``Session.perform`` as a site has it."""

    def performed(session: Any, cursor: Any, *rest: Any) -> Any:
        sql = cursor["sql"].upper()
        if not sql.lstrip().startswith("SELECT") or "FOR UPDATE" in sql:
            if session.srv.standby:
                raise tns_double.OraError(16000, "database open for read-only access")
            if session.srv.always and sql.lstrip().startswith(("INSERT", "MERGE")):
                raise tns_double.OraError(session.srv.always, "injected")
        return perform(session, cursor, *rest)

    return performed


def main() -> None:
    tns_double.Session.perform = refusing(tns_double.Session.perform)
    told = []
    for _ in range(2):
        site = Site(url=URL)
        told.append({"port": site.port, "control": Orders(site, 0).port})
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
