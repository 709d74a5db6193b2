"""The API in process: real operations on the real schema and a real PostgreSQL."""
