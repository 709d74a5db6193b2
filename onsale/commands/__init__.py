"""The command line: one module a command, and `reaching` for what they share.

Commands import what is heavy (SQL, GraphQL, the web server) within their functions, and after the
settings were read: help and a mistake in the environment are answered at once. That is why their
modules are excepted from ruff's rule against imports inside of functions.
"""

import sys

import typer

from onsale.commands.audit import audit
from onsale.commands.backup import backup
from onsale.commands.doctor import doctor
from onsale.commands.export_schema import export_schema
from onsale.commands.import_seat_map import import_seat_map
from onsale.commands.migrate import migrate
from onsale.commands.pretend_payments import pretend_payments
from onsale.commands.restore import restore
from onsale.commands.seed import seed
from onsale.commands.serve import serve
from onsale.commands.simulate import simulate
from onsale.commands.worker import worker
from onsale.settings import StartError

app = typer.Typer(
    name="python -m onsale",
    help="The open-source GraphQL ticketing server: live seat maps, and no seat sold twice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COMMANDS = (
    serve,
    worker,
    migrate,
    seed,
    import_seat_map,
    simulate,
    audit,
    doctor,
    backup,
    restore,
    export_schema,
    pretend_payments,
)
for command in COMMANDS:
    app.command()(command)


def run() -> None:
    """Do what the command line says. What its user can put right is said without a traceback."""
    try:
        app()
    except StartError as fault:
        for line in str(fault).splitlines():
            print(f"onsale: {line}", file=sys.stderr)  # noqa: T201 - the answer to the user.
        sys.exit(1)
