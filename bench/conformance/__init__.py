"""The suites of tests/conformance against onsale and against others: see docs/conformance.md."""
