"""Several workers behind one port: a leader starts them, and puts others in the place of the dead.

Each worker is a whole server in a process of its own. They share the port, the database, Redis, the
key of buyers' tokens and the payment provider; the leader serves nobody and keeps what is theirs
together. `docs/decisions/0015-several-workers-on-one-port.md` says why it is so.
"""
