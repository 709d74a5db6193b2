"""Queries and mutations: ask the box office, and show its answer. No SQL and no rules here."""
