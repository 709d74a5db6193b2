"""How much clients may ask, unless the environment says otherwise: the numbers alone.

What reads the environment is imported by every command, and shall not import GraphQL for them.
"""

#: What one operation may cost: see `onsale.graphql.costs`.
COST_MAX = 5_000
#: What may be asked within a minute: see `onsale.graphql.rate_limits`.
BUYER_COST_PER_MINUTE = 30_000
ADDRESS_COST_PER_MINUTE = 300_000
#: Sockets and event streams. A whole office or a phone network may share one address.
CONNECTIONS_PER_ADDRESS_MAX = 1_000
