# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Private namespaces: a /run, /sys, /dev and drivers directory of our own.

enter() starts the program once more inside a mount and a network namespace; as
an ordinary user inside a user namespace too. Nothing of it is seen outside, and
it is gone with the last process in it.
"""

import ctypes
import os
import subprocess
import sys

SKIPPED = 77
INSIDE = "CCIDTRACK_LAB_INSIDE"

MS_BIND = 4096
MS_REC = 16384
MS_NOSUID = 2

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}

libc = ctypes.CDLL(None, use_errno=True)


def skip(reason):
    """Ends a test that cannot run here."""
    print(f"SKIP: {reason}")
    sys.stdout.flush()
    sys.exit(SKIPPED)


def enter():
    """Returns inside the namespaces, or skips the test."""
    if os.environ.get(INSIDE) == str(os.getpid()):
        return
    flags = "-mn" if os.geteuid() == 0 else "-Urmn"
    try:
        tried = subprocess.run(["unshare", flags, "true"], text=True,
                               capture_output=True, check=False)
    except FileNotFoundError:
        skip("no unshare command (package util-linux)")
    if tried.returncode:
        skip(f"unshare {flags}: {tried.stderr.strip()}; "
             "needs root or user namespaces")
    os.environ[INSIDE] = str(os.getpid())   # unshare keeps the process
    os.execvp("unshare", ["unshare", flags, "--", sys.executable,
                          *sys.orig_argv[1:]])


def mount(source, target, kind=None, flags=0, data=None):
    """mount(2)"""
    arguments = [text.encode() if text else None
                 for text in (source, target, kind)]
    if libc.mount(*arguments, ctypes.c_ulong(flags),
                  data.encode() if data else None):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), target)


def mount_tmpfs(target, mode="755"):
    """An empty file system over a directory."""
    mount("tmpfs", target, "tmpfs", MS_NOSUID, f"mode={mode}")


def bind(source, target):
    """What is at source, at target too."""
    mount(source, target, None, MS_BIND | MS_REC)


def make_dev(nodes, work):
    """A /dev with the usual few, and nodes as its bus/usb."""
    new = os.path.join(work, "dev")
    os.makedirs(os.path.join(new, "bus/usb"))
    for name in DEVICES:
        with open(os.path.join(new, name), "w", encoding="ascii"):
            pass
        bind(os.path.join("/dev", name), os.path.join(new, name))
    for name in ("pts", "shm"):
        os.mkdir(os.path.join(new, name))
        bind(os.path.join("/dev", name), os.path.join(new, name))
    if not os.access("/dev/pts/ptmx", os.W_OK):     # an ordinary user's
        mount("devpts", os.path.join(new, "pts"), "devpts", 0,
              "newinstance,ptmxmode=0666")
    for name, target in LINKS.items():
        os.symlink(target, os.path.join(new, name))
    os.symlink("pts/ptmx", os.path.join(new, "ptmx"))
    bind(nodes, os.path.join(new, "bus/usb"))
    bind(new, "/dev")
