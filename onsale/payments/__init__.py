"""Adapters to those who take the money. For development there is one that pretends."""
