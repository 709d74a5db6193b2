"""Files that hold secrets."""

import os
import tempfile
from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Write a file that only we can read, from its first moment on, and whole or not at all."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent)  # Mode 0600.
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(path)
