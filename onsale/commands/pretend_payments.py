"""`pretend-payments`: the payment provider for development, as a program of its own."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

from typing import Annotated

import typer

from onsale.settings import Settings, StartError

Port = Annotated[int, typer.Option(help="0: any that is free.")]
Notify = Annotated[
    list[str] | None, typer.Option(metavar="URL", help="Where webhooks go; may be repeated.")
]
Slow = Annotated[float, typer.Option(help="How long pretend_slow takes.")]


def pretend_payments(
    *,
    host: str = "127.0.0.1",
    port: Port = 8001,
    notify: Notify = None,
    slow_seconds: Slow = 20.0,
    fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Pretend to take money: an HTTP interface, webhooks, and a record in ONSALE_DATA_DIR."""
    settings = Settings.read()
    if settings.payments_key is None:
        raise StartError("Give the provider a key: ONSALE_PAYMENTS_KEY, the same for the server.")
    from onsale.payments.pretend.running import run

    run(settings, host, port, fd, tuple(notify or ()), slow_seconds)
