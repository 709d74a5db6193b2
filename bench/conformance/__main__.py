"""`python -m bench.conformance`: run the suites against all servers, and note what they find."""

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime

from rich.console import Console

from bench.conformance.servers import Judged, all_servers, install
from bench.conformance.table import SUITES, Verdict, write_page
from bench.processes import BenchError
from tests.conformance.programs import NODE, PASSED, ask


def main() -> int:
    """Judge everybody, one after the other."""
    console, began_at = Console(highlight=False), datetime.now(UTC)
    try:
        install()
        verdicts = [asyncio.run(judge(server, console)) for server in all_servers()]
        node = subprocess.run([NODE, "--version"], check=True, capture_output=True, text=True)  # noqa: S603
        write_page(verdicts, began_at, node.stdout.strip().removeprefix("v"))
    except BenchError as fault:
        console.print(f"bench: {fault}", style="red", markup=False)
        return 1
    console.print("All of it is in docs/conformance.md.")
    return 0


async def judge(server: Judged, console: Console) -> Verdict:
    """Run every suite against one server."""
    console.print(server.name, style="bold", markup=False)
    suites = {}
    async with server.open() as asked:
        for suite, title in SUITES.items():
            began = time.monotonic()
            suites[suite] = await ask(suite, **asked)
            passed = sum(check.outcome == PASSED for check in suites[suite].values())
            seconds = time.monotonic() - began
            console.print(f"  {title}: {passed} of {len(suites[suite])} passed ({seconds:.0f} s)")
    return Verdict(server, suites)


if __name__ == "__main__":
    sys.exit(main())
