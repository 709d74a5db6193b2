"""When Python looks for garbage: rarely, and never again at what a server keeps for its life.

A server begins with some 180,000 objects (schema, libraries, caches). By Python's defaults a full
collection walks all of them again and again, which stops everybody for 100 to 200 ms. Requests that
graphql-core executes leave some 55 objects in cycles, so without any looking memory would grow;
`docs/decisions/0019-garbage-is-collected-in-small-pieces.md` has the figures.
"""

import gc

#: Allocations before a young collection; young ones before a middle one; middle before a full one.
THRESHOLDS = (10_000, 20, 50)


def look_seldom() -> None:
    """Let garbage lie for a while. Call before anything heavy is imported."""
    gc.set_threshold(*THRESHOLDS)


def spare_what_stays() -> None:
    """Take everything that lives now out of all later collections. Call once a server is open.

    It is not collected before: of 180,000 objects some 1,300 are garbage then, and looking for them
    would keep a start waiting for a tenth of a second.
    """
    gc.freeze()
    look_seldom()
