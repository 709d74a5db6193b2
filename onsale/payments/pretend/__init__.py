"""A payment provider for development: takes no money, and behaves like one that does.

A program of its own (`program`), with a durable record (`record`), an HTTP interface, webhooks
(`webhooks`) and cards that do as their token says (`tokens`). Our side of it: `adapter`, which
speaks that interface, and `own`, which runs the program where no other provider is named.
"""
