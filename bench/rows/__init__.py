"""What is measured, a row a module, in the order of the page."""

from bench.row import Row
from bench.rows.availability import AVAILABILITY
from bench.rows.growth import GROWTH
from bench.rows.live import LIVE
from bench.rows.reservations import RESERVATIONS
from bench.rows.seats import SEATS
from bench.rows.starting import STARTING
from bench.rows.workers import WORKERS_ROW

ROWS: tuple[Row, ...] = (
    RESERVATIONS,
    SEATS,
    AVAILABILITY,
    LIVE,
    GROWTH,
    WORKERS_ROW,
    STARTING,
)
#: What a quick look leaves out: it is about processes, of which each takes seconds to start.
NOT_QUICK = (WORKERS_ROW, STARTING)
