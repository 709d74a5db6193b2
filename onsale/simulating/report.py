"""What a person at a terminal sees: the sale as it goes on, and a table when it is over."""

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from onsale.simulating.crowd import Audience, Outcome
from onsale.simulating.event import AVAILABLE, BLOCKED, HELD, SOLD
from onsale.simulating.tally import Tally, percentile
from onsale.simulating.watcher import Watcher

FRAMES_PER_SECOND = 8
BAR_CHARACTERS_MAX = 72
FAULTS_SHOWN_MAX = 20
SEAT_COLORS = {SOLD: "red", HELD: "yellow", AVAILABLE: "green", BLOCKED: "bright_black"}
SEAT_WORDS = {SOLD: "sold", HELD: "held", AVAILABLE: "free", BLOCKED: "blocked"}
#: The order in which people do it.
DEEDS = (
    "came",
    "reserved",
    "released",
    "given up",
    "lapsed",
    "declined",
    "purchased",
    "cancelled",
    "abandoned",
    "left with nothing",
)
MEANINGS = {
    "came": "buyers who came in",
    "reserved": "calls that reserved seats",
    "released": "calls that gave some seats back",
    "given up": "reservations cancelled by their buyer",
    "lapsed": "reservations whose time ran out",
    "declined": "bad cards",
    "purchased": "orders",
    "cancelled": "orders cancelled again",
    "abandoned": "buyers who left seats lying",
    "left with nothing": "buyers who found nothing, or lost too often",
}


class LiveAudience(Audience):
    """Shows the rush on a terminal, and keeps the outcome if somebody breaks it off."""

    def __init__(self, console: Console, buyers: int) -> None:
        self.outcome: Outcome | None = None
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._crowd = self._progress.add_task("Buyers gone home", total=buyers)
        self._books = self._progress.add_task("Audit", total=buyers, visible=False, start=False)
        self.live = Live(
            self,
            console=console,
            refresh_per_second=FRAMES_PER_SECOND,
            transient=True,
        )

    def opens(self, outcome: Outcome) -> None:
        """Say what is going to happen, and begin to show it."""
        self.outcome = outcome
        rush = outcome.rush
        self.live.console.print(
            f"[bold]{rush.event.title}[/bold] ({rush.event.slug})", highlight=False
        )
        self.live.console.print(f"Seed {rush.seed}; Ctrl-C sends everybody home.", highlight=False)

    def left(self) -> None:
        """Count a buyer who went home."""
        self._progress.advance(self._crowd)

    def audits(self, buyers: int) -> None:
        """Show how far the audit is."""
        self._progress.update(self._books, visible=True, total=buyers)
        self._progress.start_task(self._books)

    def audited(self) -> None:
        """Count a buyer whose books were looked at."""
        self._progress.advance(self._books)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw one frame."""
        yield self._progress
        if self.outcome is not None:
            width = min(options.max_width, BAR_CHARACTERS_MAX)
            yield Group(*_house(self.outcome, width), _deeds_line(self.outcome.rush.tally))


def show(outcome: Outcome, console: Console) -> None:
    """Print the tables, and what the audit says."""
    tally = outcome.rush.tally
    console.print(_what_happened(outcome))
    console.print(_latencies(tally))
    if outcome.watchers:
        console.print(_what_was_heard(outcome.watchers), highlight=False)
    if tally.unanswered:
        line = f"Calls that were not answered and repeated: {tally.unanswered:,}."
        console.print(line, style="yellow", highlight=False)
    _show_verdict(outcome, console)


def _show_verdict(outcome: Outcome, console: Console) -> None:
    tally = outcome.rush.tally
    for line, times in tally.unexpected.most_common(FAULTS_SHOWN_MAX):
        known = tally.request_ids.get(line)
        such = f", such as request {known}" if known else ""
        console.print(f"[red]Unexpected, {times} times:[/red]", line + such, highlight=False)
    if outcome.faults is None:
        console.print(f"[red]No audit was made:[/red] {outcome.why_no_audit}.", highlight=False)
    faults = outcome.heard if outcome.faults is None else outcome.faults
    for fault in faults[:FAULTS_SHOWN_MAX]:
        console.print("[red]Wrong:[/red]", fault, highlight=False)
    if (more := len(faults) - FAULTS_SHOWN_MAX) > 0:
        console.print(f"… and {more} more.", highlight=False)
    if outcome.faults == []:
        verdict = "[green]The audit found nothing wrong:[/green]"
        console.print(verdict, _what_is_well(outcome), highlight=False)
    if outcome.doubtful:
        line = f"Buyers of whom not everything could be compared: {outcome.doubtful:,}."
        console.print(line, style="yellow", highlight=False)


def _what_was_heard(watchers: list[Watcher]) -> str:
    changed = sum(watcher.messages for watcher in watchers)
    resumed = sum(watcher.resumed for watcher in watchers)
    return (
        f"{len(watchers)} subscribers were told {changed:,} messages; lines that broke and were"
        f" resumed: {resumed}."
    )


def _what_is_well(outcome: Outcome) -> str:
    """Say no more than was seen: buyers may be in doubt, and nobody need have followed the map."""
    promises = "every promise that could be compared" if outcome.doubtful else "every promise"
    maps = ", every subscriber's map is the server's" if outcome.watchers else ""
    return f"no seat was sold twice, {promises} was kept{maps}."


def _house(outcome: Outcome, width: int) -> list[Text]:
    """Draw the house as its first subscriber sees it."""
    states = outcome.watchers[0].states if outcome.watchers else b""
    if not states:
        return []
    counts = {state: states.count(state) for state in SEAT_COLORS}
    bar, words = Text(), Text()
    for state, color in SEAT_COLORS.items():
        bar.append("█" * round(width * counts[state] / len(states)), color)
        words.append(f"{SEAT_WORDS[state]} {counts[state]:,}  ", color)
    words.append(f"version {outcome.watchers[0].version:,}", "dim")
    return [bar, words]


def _deeds_line(tally: Tally) -> Text:
    told = ", ".join(f"{deed} {tally.done[deed]:,}" for deed in DEEDS if tally.done[deed])
    refused = sum(tally.refused.values())
    return Text(f"{told}; refused {refused:,}" if told else "", "dim")


def _what_happened(outcome: Outcome) -> Table:
    rush = outcome.rush
    table = Table(title=f"{rush.event.title}: {rush.seconds_spent:.0f} s, seed {rush.seed}")
    table.add_column("What happened")
    table.add_column("Times", justify="right")
    table.add_column("Meaning", style="dim")
    for deed in filter(rush.tally.done.get, DEEDS):
        table.add_row(deed, f"{rush.tally.done[deed]:,}", MEANINGS[deed])
    for (name, code), times in rush.tally.refused.most_common():
        table.add_row("refused", f"{times:,}", f"{name}: {code}")
    return table


def _latencies(tally: Tally) -> Table:
    table = Table(title="Answers, as this client saw them")
    table.add_column("Operation")
    for heading in ("Calls", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    for name, seconds in tally.seconds.items():
        p50, p99 = (percentile(seconds, share) * 1_000 for share in (0.5, 0.99))
        table.add_row(name, f"{len(seconds):,}", f"{p50:.1f}", f"{p99:.1f}")
    return table
