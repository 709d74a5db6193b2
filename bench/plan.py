"""How much is measured: all of it, or a look at most of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. Seconds are of one round of one contender."""

    rounds: int
    settle_seconds: float
    #: Whether those are measured, too, whom no goal is about.
    is_whole: bool
    #: The event that reservations are made at, and who makes them: one each, a round.
    hall_seats: int
    guests: int
    clients: tuple[int, ...]
    pgbench_clients: tuple[int, ...]
    reserving_seconds: float
    reading_seconds: float
    #: How often seats change and are asked for then, in a round: every second time, back again.
    changed_maps: int
    #: How many watch onsale, the most of them last; its peers only the larger two.
    audiences: tuple[int, ...]
    strawberry_audience: int
    steady_seconds: float
    flat_out_seconds: float
    #: They read nothing, in the last round; they are to be cut off.
    slow_readers: int
    #: Sizes of events, and how many times a few hundred reservations are made at each, in a round.
    growth_seats: tuple[int, ...]
    growth_cycles: int
    #: How often a server is started.
    starts: int

    @property
    def audience(self) -> int:
        """Give the largest audience."""
        return self.audiences[-1]


FULL = Plan(
    rounds=3,
    settle_seconds=0.5,
    is_whole=True,
    hall_seats=100_000,
    guests=10_000,
    clients=(1, 16, 64, 128),
    pgbench_clients=(16, 64),
    reserving_seconds=2.0,
    reading_seconds=1.5,
    changed_maps=6,
    audiences=(100, 1_000, 5_000),
    strawberry_audience=500,
    steady_seconds=3.0,
    flat_out_seconds=2.0,
    slow_readers=20,
    growth_seats=(1_000, 10_000, 100_000),
    growth_cycles=4,
    starts=3,
)
QUICK = Plan(
    rounds=1,
    settle_seconds=0.1,
    is_whole=False,
    hall_seats=10_000,
    guests=2_000,
    clients=(64,),
    pgbench_clients=(64,),
    reserving_seconds=1.0,
    reading_seconds=1.0,
    changed_maps=2,
    audiences=(1_000,),
    strawberry_audience=200,
    steady_seconds=1.0,
    flat_out_seconds=1.0,
    slow_readers=0,
    growth_seats=(1_000, 10_000),
    growth_cycles=2,
    starts=1,
)
