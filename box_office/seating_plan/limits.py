"""How large a seating plan and the names in it may be."""

from typing import Final

#: A file of 100,000 seats takes 20 to 40 MiB.
SEATING_PLAN_BYTES_MAX: Final = 64 * 1024 * 1024
#: Seats of one seat map, standing places counted.
SEATS_MAX: Final = 100_000
SECTIONS_MAX: Final = 10_000
DECORATIONS_MAX: Final = 10_000
#: A file with a thousand faults has one mistake a thousand times: the first ones tell.
FINDINGS_LISTED_MAX: Final = 50
#: Beyond this a coordinate is a mistake; the largest stadiums are a few thousand units wide.
COORDINATE_MAX: Final = 1_000_000
DECIMALS: Final = 2

# As long as the columns of models/seat_maps.py; a test compares them.
PLAN_NAME_LENGTH_MAX: Final = 200
SECTION_NAME_LENGTH_MAX: Final = 200
CATEGORY_LENGTH_MAX: Final = 200
ROW_LENGTH_MAX: Final = 40
NUMBER_LENGTH_MAX: Final = 40

TEXT_LENGTH_MAX: Final = 500
