"""`python -m onsale`."""
# ruff: noqa: E402 - what is imported makes hundreds of thousands of objects, and no garbage.

from onsale.garbage import look_seldom

look_seldom()

from onsale.commands import run

if __name__ == "__main__":
    run()
