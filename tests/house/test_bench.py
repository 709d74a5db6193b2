"""What `make bench` writes; measuring itself takes a quiet machine and ten minutes."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from xml.parsers import expat

import pytest

from bench.changing import PostedChanges
from bench.figures import Measured
from bench.load.compiling import compiled
from bench.load.http import HttpLoad
from bench.load.watching import Watchers
from bench.page import BEGIN, END, PAGE, write_page
from bench.processes import BenchError, cpu_seconds, family, free_port, running
from bench.report import Report
from bench.rows import ROWS
from tests.house.programs import ROOT

BENCH = ROOT / "bench"
needs_a_compiler = pytest.mark.skipif(which("cc") is None, reason="there is no C compiler")

MEASURED: dict[str, Measured] = {
    "reservations": {
        "onsale, 16 clients": [{"rate": 14_000.0, "load_cpu_share": 0.2}],
        "onsale, 64 clients": [
            {"rate": 9_000.0, "server_cpu_us": 40.0, "load_cpu_share": 0.2},
            {"rate": 18_000.0, "server_cpu_us": 36.0, "load_cpu_share": 0.95},
            {"rate": 16_500.0, "server_cpu_us": 38.0, "load_cpu_share": 0.2},
        ],
        "pgbench, 64 clients": [{"rate": 15_000.0}],
        "Strawberry baseline, 64 clients": [{"rate": 500.0}],
    },
    "live": {
        "onsale, 100 subscribers": [{"last_p99_ms": 90.0, "missed": 0.0}],
        "onsale, 5000 subscribers": [{"last_p99_ms": 151.0, "missed": 0.0}],
    },
}


@pytest.fixture
def report() -> Report:
    return Report(
        began_at=datetime(2026, 11, 22, 4, 0, tzinfo=UTC),
        command="python -m bench --page",
        seconds=600.0,
        is_quick=False,
        machine={
            "cores": 2,
            "cpu": "a processor",
            "memory_gib": 24,
            "data_on": "ext4",
            "load_average_before": [0.1, 0.1, 0.1],
            "python": "3.11",
            "packages": {"starlette": "1.10"},
            "commit": "abc1234",
        },
        conditions={"programs": ["PostgreSQL 18"], "lifted": {"ONSALE_COST_PER_ADDRESS": "0"}},
        measured=MEASURED,
        faults={"seats": "There is no npm."},
    )


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}of another day\n{END}after\n")
    return page


def test_each_row_names_its_goal() -> None:
    for row in ROWS:
        assert row.goals, row.name
        for goal in row.goals:
            assert goal.aim
            assert goal.reach is not None


def test_rows_are_told_apart_by_their_names() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_what_measures_imports_nothing_of_what_it_measures() -> None:
    ours = {init.parent.name for init in ROOT.glob("*/__init__.py")} - {"bench"}
    suite = [BENCH / "__main__.py", *BENCH.glob("peers/*.py"), *BENCH.glob("baseline/*.py")]
    for file in suite:
        imported = re.findall(r"^\s*(?:from|import) ([\w.]+)", file.read_text(), re.MULTILINE)
        assert not ours & {name.partition(".")[0] for name in imported}, file
        modules = [ROOT / f"{name.replace('.', '/')}.py" for name in imported]
        packages = [ROOT / name.replace(".", "/") / "__init__.py" for name in imported]
        found = [each for each in (*modules, *packages) if each.is_file() and each not in suite]
        suite += [each for each in found if BENCH in each.parents]

    assert BENCH / "rows" / "growth.py" in suite


def test_a_stored_result_is_read_as_it_was(report: Report, tmp_path: Path) -> None:
    assert Report.read(report.save(tmp_path)) == report


def test_a_file_that_is_no_result_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"began_at": "2026-11-22T04:00:00+00:00"}')

    with pytest.raises(BenchError, match=r"other\.json is no result of a run"):
        Report.read(tmp_path / "other.json")


def test_the_page_says_of_each_goal_whether_it_was_reached(
    report: Report, page: Path, tmp_path: Path
) -> None:
    stored = Report.read(report.save(tmp_path))

    write_page(stored, Path("2026-11-22.json"), page)

    lines = page.read_text().splitlines()
    for line in (
        "the rate of pgbench, a guarded statement | ≥ 1 times | 1.50 | 1.10 times | reached",
        "the rate of the Strawberry baseline | ≥ 50 times | 80.0 | 33.0 times | **not reached**",
        "the rate of pretix, adding to a cart (quoted) | ≥ 300 times | 800 | 589 times | reached",
    ):
        assert f"| reservations: {line} |" in lines
    for line in (
        "p99 from commit to the last subscriber | ≤ 150 ms | 100 | 151 ms | **not reached**",
        "missed | ≤ 0 |  | 0 | reached",
        "memory a subscriber | ≤ 25 kB | 5.00 | - | **not measured**",
    ):
        assert f"| live: {line} |" in lines
    assert "**seats could not be measured:** There is no npm." in lines


def test_the_page_says_when_the_load_program_decided_the_pace(report: Report, page: Path) -> None:
    write_page(report, Path("2026-11-22.json"), page)

    fault = "The load program was the bottleneck: reservations, onsale, 64 clients, round 2"
    assert f"{fault} (95% of a core)" in page.read_text().splitlines()


def test_the_page_keeps_what_is_around_the_figures(report: Report, page: Path) -> None:
    write_page(report, Path("2026-11-22.json"), page)
    write_page(report, Path("2026-11-22.json"), page)

    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}")
    assert text.endswith(f"{END}after\n")
    assert "of another day" not in text


def test_a_page_without_marks_is_left_alone(report: Report, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing of it")

    with pytest.raises(BenchError, match="lost the marks"):
        write_page(report, Path("2026-11-22.json"), page)

    assert page.read_text() == "nothing of it"


def test_our_page_has_the_marks() -> None:
    text = PAGE.read_text()

    assert text.index(BEGIN) < text.index(END)


def test_plots_are_pictures_for_light_and_for_dark_ground(report: Report, page: Path) -> None:
    write_page(report, Path("2026-11-22.json"), page)

    pictures = sorted((page.parent / "images").glob("*.svg"))
    assert [picture.name for picture in pictures] == [
        "performance-latency.svg",
        "performance-reservations.svg",
    ]
    for picture in pictures:
        assert f"images/{picture.name}" in page.read_text()
        svg = picture.read_text()
        assert expat.ParserCreate().Parse(svg, True) == 1
        assert "prefers-color-scheme:dark" in svg


def test_without_a_compiler_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)

    with pytest.raises(BenchError, match="There is no C compiler"):
        compiled(BENCH / "load" / "http_load.c", tmp_path)


def test_cpu_is_counted_of_a_program_and_of_what_it_started() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & wait"]) as parent:
        try:
            members = family(parent.pid)
            while len(members) == 1:
                members = family(parent.pid)
            assert members[0] == parent.pid
            assert cpu_seconds(os.getpid()) > 0
        finally:
            for pid in members:
                os.kill(pid, 15)
    assert cpu_seconds(parent.pid) == 0.0


@needs_a_compiler
async def test_the_load_counts_the_answers_that_are_as_expected(tmp_path: Path) -> None:
    answers = [b"yes", b"no", b"yes"]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                body = answers[int(request.split()[1][1:])]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        writer.close()

    requests = [b"GET /%d HTTP/1.1\r\n\r\n" % n for n in range(3)]
    program = compiled(BENCH / "load" / "http_load.c", tmp_path)
    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        async with HttpLoad.open(program, tmp_path, port, 2) as load:
            compared = await load.run(requests, expected=b"yes")
            assert (compared.requests, compared.good, len(compared.latencies)) == (3, 2, 3)
            kept = await load.run(requests)
            assert dict(kept.bodies()) == dict(enumerate(answers))
            again = await load.run(requests, 0.1, repeat=True, expected=b"yes")
            assert again.requests > 3


@needs_a_compiler
async def test_watchers_are_told_of_each_version_once(tmp_path: Path) -> None:
    (tmp_path / "snapshot").write_bytes(
        b'{"__typename":"AvailabilitySnapshot","availability":{"version":7,"available":20000}}'
    )
    with _broadcaster(tmp_path) as port:
        watching = compiled(BENCH / "load" / "watchers.c", tmp_path)
        async with (
            Watchers.open(watching, tmp_path, port, b"{}", 40) as watchers,
            PostedChanges.open(port, watchers.version) as changes,
        ):
            committed = await changes.at_pace(50, 0.1)
            await watchers.until_told(max(committed))
            told = await watchers.collect()

    assert min(committed) == 8
    assert {version: len(arrivals) for version, arrivals in told.arrivals.items()} == dict.fromkeys(
        committed, 40
    )
    assert 0 < told.delays(committed).last_p99_ms < 1_000


@needs_a_compiler
async def test_a_hole_in_what_watchers_are_told_is_found(tmp_path: Path) -> None:
    (tmp_path / "snapshot").write_bytes(
        b'{"__typename":"AvailabilitySnapshot","availability":{"version":7,"available":20000}}'
    )
    with _broadcaster(tmp_path) as port:
        watching = compiled(BENCH / "load" / "watchers.c", tmp_path)
        async with (
            Watchers.open(watching, tmp_path, port, b"{}", 2) as watchers,
            PostedChanges.open(port, watchers.version + 1) as changes,
        ):
            committed = await changes.at_pace(50, 0.01)
            await watchers.until_told(max(committed))
            with pytest.raises(BenchError, match="knew 7, was told from 8"):
                await watchers.collect()


@contextmanager
def _broadcaster(folder: Path) -> Iterator[int]:
    program = compiled(BENCH / "peers" / "broadcast.c", folder)
    port, log = free_port(), folder / "broadcast.log"
    argv = [str(program), str(port), str(folder / "snapshot")]
    with running("broadcast", argv, {}, port, "/", log):
        yield port
