"""Runs GraphQL documents that are seen again and again without graphql-core's work per field.

A document is compiled once into a `Plan` and run many times. What a plan cannot do as graphql-core
would, graphql-core does: the answers are the same, word for word. See docs/compiled-documents.md.
"""

from compiled_documents.columns import Columns
from compiled_documents.graphql_core import Running
from compiled_documents.plans import Plan, Plans

__all__ = ["Columns", "Plan", "Plans", "Running"]
