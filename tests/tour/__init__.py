"""The tour of README.md, taken."""
