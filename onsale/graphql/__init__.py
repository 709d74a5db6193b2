"""GraphQL over HTTP and WebSocket: what the specifications ask and stock Strawberry does not do.

Strawberry executes; reading documents, answering over HTTP and speaking graphql-transport-ws are
ours. One file a concern, and each departure from Strawberry's way says why.
"""
