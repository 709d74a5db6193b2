"""What is wrong with this installation, and what to do next: one exam a subject, all at once.

Nothing is started, made or changed, and nobody who stays silent keeps the doctor waiting.
"""
