"""`python -m onsale`."""

from onsale.commands import run

if __name__ == "__main__":
    run()
