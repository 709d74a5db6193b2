"""`python -m onsale`."""

from onsale.commands import run
from onsale.garbage import look_seldom

if __name__ == "__main__":
    look_seldom()
    run()
