"""A crowd of buyers before somebody's server: they know its public API and nothing else.

`crowd` lets them in, each a `buyer` with a mind of its own, while each `watcher` follows the seat
map live. What they were told is kept in a `record`; the `audit` compares it with what the API says
afterwards. All that is counted is in the `tally`, and the `report` shows it.
"""
