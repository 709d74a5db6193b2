"""The API's reference as a web site without a server: `make docs` makes it from the schema."""
