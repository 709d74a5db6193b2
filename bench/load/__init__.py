"""The load: two programs in C, and what tells them what to do."""
