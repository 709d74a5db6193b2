"""The Ed25519 key that signs buyers' tokens: given by configuration, or made once and kept."""

import json
import os
import tempfile
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from onsale.settings import Settings, StartError

KEY_FILE = "token-key.pem"


def load_token_key(settings: Settings) -> OKPKey:
    """Give the private key; every process with the same configuration gets the same one."""
    if settings.token_key is not None:
        return parse_token_key(_text_of(settings.token_key.get_secret_value()), "ONSALE_TOKEN_KEY")
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        _make_key_file(path)
    # What is no text is no key either, and is told so.
    return parse_token_key(path.read_text(encoding="utf-8", errors="replace"), str(path))


def parse_token_key(text: str, source: str) -> OKPKey:
    """Read a private JWK or PEM. Raises StartError that names the source, never the text."""
    try:
        key = OKPKey.import_key(json.loads(text) if text.lstrip().startswith("{") else text)
        usable = key.is_private and key.curve_name == "Ed25519"
    except (JoseError, ValueError, TypeError, KeyError):
        usable = False
    if not usable:
        raise StartError(f"{source} holds no Ed25519 private key (JWK or PEM).")
    return key


def _text_of(value: str) -> str:
    if value.lstrip().startswith(("{", "-----BEGIN")):
        return value
    try:
        return Path(value).read_text()
    except (OSError, ValueError):
        raise StartError("ONSALE_TOKEN_KEY is neither a key nor a file that can be read.") from None


def _make_key_file(path: Path) -> None:
    """Write a new key, unless another process was quicker: then that one's key is ours too.

    The file appears whole or not at all (a link is refused when the name exists), so nobody ever
    reads half a key.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".token-key-")  # Mode 0600.
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(OKPKey.generate_key("Ed25519", private=True).as_pem(private=True))
            file.flush()
            os.fsync(file.fileno())
        Path(path).hardlink_to(draft)
    except FileExistsError:
        pass  # Another process was quicker, and its key is everybody's.
    finally:
        Path(draft).unlink()
