"""The browser of these tests: Debian's Chromium, which `make test` installs where it may."""

import os
import shutil
import subprocess

from rich.console import Console

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
#: Playwright drives a browser that is there; these let it run in a container and without a GPU.
#: Nothing but this machine has an address: what the page asks of others fails, whatever asks it.
ARGUMENTS = (
    "--disable-gpu",
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def find() -> str | None:
    """Name the browser's program; None when there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def install(console: Console) -> None:
    """Install it with apt-get, as far as this user and this machine can."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    console.print("==> Installing Chromium", style="bold")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", "-qq", *words], env=quiet, check=False, capture_output=True)


def main() -> None:
    """See to it that there is one, or say what is not tested without."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if find() is None:
        install(console)
    if find() is None:
        console.print(
            "No Chromium: GraphiQL is not tested in a browser. Install one and try again."
        )


if __name__ == "__main__":
    main()
