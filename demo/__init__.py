"""Venues and events of our own invention, so that a fresh server has something to sell."""
