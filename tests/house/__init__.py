"""The house: one command, settings, locks, images, and what may not stand in a file."""
