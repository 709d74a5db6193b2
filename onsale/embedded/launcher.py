"""Becomes a server program that dies with its parent: `launcher.py PARENT SIGNAL IDENTITY ARGV…`.

Run by path in an interpreter of its own, so that no code of ours runs between a fork and an exec
in a process that may have threads. IDENTITY is who the program runs as: `same`; `namespace:UID` (a
user namespace in which we look like that user, while the files stay ours: PostgreSQL refuses root,
and users without a name); or `UID:GID`.
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PARENT_GONE = 3
NO_NAMESPACE = 4


def main(parent: str, signal_number: str, identity: str, *argv: str) -> None:
    """Take the identity, tie the knot with the parent, and become the program."""
    os.setpgid(0, 0)  # Ctrl-C in the terminal is for the parent, who stops us in order.
    become(identity)
    if sys.platform.startswith("linux"):
        # After the change of identity, which would clear it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number))
        if os.getppid() != int(parent):  # It went while we started: nobody would tell us.
            sys.exit(PARENT_GONE)
    if argv:
        os.execv(argv[0], argv)  # noqa: S606 - a program found by onsale.embedded.binaries.


def become(identity: str) -> None:
    """Run on as somebody else."""
    if identity == "same":
        return
    first, second = identity.split(":")
    if first == "namespace":
        enter_user_namespace(second)
    else:
        uid, gid = int(first), int(second)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def enter_user_namespace(inner_uid: str) -> None:
    """Look like that user from the inside and stay who we are for every file."""
    uid, gid = os.geteuid(), os.getegid()
    if ctypes.CDLL(None).unshare(CLONE_NEWUSER):
        sys.exit(NO_NAMESPACE)
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{inner_uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{inner_uid} {gid} 1")
    except OSError:
        sys.exit(NO_NAMESPACE)


if __name__ == "__main__":
    main(*sys.argv[1:])
