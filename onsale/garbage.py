"""When Python looks for garbage: rarely, and never again at what a server keeps for its life.

A server begins with some 190,000 objects (schema, libraries, caches). By Python's defaults a full
collection walks all of them every few thousand requests, which stops everybody for 100 to 200 ms;
`bench/README.md` has the figures. Requests leave few cycles behind, so looking seldom costs little.
"""

import gc

#: Allocations before a young collection; young ones before a middle one; middle before a full one.
THRESHOLDS = (50_000, 20, 50)


def spare_what_stays() -> None:
    """Take everything that lives now out of all later collections. Call once a server is open."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
