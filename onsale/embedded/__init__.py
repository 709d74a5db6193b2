"""A private PostgreSQL and Valkey for whoever has only Python: one command, nothing installed."""

from onsale.embedded.keeper import Services, keep_services, running_services

__all__ = ["Services", "keep_services", "running_services"]
