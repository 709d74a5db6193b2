"""The server that everybody would write first: Strawberry and SQLModel, with their defaults."""
