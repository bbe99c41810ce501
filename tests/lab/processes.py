# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Processes that end with the test, and their lines with the time of each."""

import ctypes
import os
import re
import signal
import subprocess
import threading
import time

PR_SET_PDEATHSIG = 1
SHOWN = 60      # lines of a program that did not do as expected
SCALE = float(os.environ.get("LAB_TIME_SCALE", "1"))

libc = ctypes.CDLL(None)


def deadline(seconds):
    """A time limit in seconds, longer where LAB_TIME_SCALE says so."""
    return seconds * SCALE


def die_with_parent():
    """For preexec_fn: the kernel ends the child when the thread that started
    it ends, whatever ends the thread."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Timeout(AssertionError):
    """What was waited for has not come."""


class Process:
    """A running program. lines holds (nanoseconds, text) of what it wrote.

    Start it from a thread that lives as long as it shall."""

    def __init__(self, argv, env=None, name=None):
        self.name = name or os.path.basename(argv[0])
        self.lines = []
        self.ended = False
        self.changed = threading.Condition()
        self.popen = subprocess.Popen(
            argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for raw in self.popen.stdout:
            now = time.monotonic_ns()
            text = raw.decode(errors="replace").rstrip("\r\n")
            with self.changed:
                self.lines.append((now, text))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    @property
    def pid(self):
        """Its process id."""
        return self.popen.pid

    def mark(self):
        """A place to wait from: what has been written before is over."""
        with self.changed:
            return len(self.lines)

    def text(self, mark=0):
        """All it wrote since mark."""
        with self.changed:
            return "\n".join(line for _, line in self.lines[mark:])

    def find(self, pattern, mark=0):
        """(time, match) of the first line since mark, or None."""
        with self.changed:
            for now, line in self.lines[mark:]:
                match = re.search(pattern, line)
                if match:
                    return now, match
        return None

    def wait_for(self, pattern, timeout=10, mark=0):
        """Waits for a line; (time, match)."""
        end = time.monotonic() + deadline(timeout)
        with self.changed:
            while True:
                found = self.find(pattern, mark)
                if found:
                    return found
                rest = end - time.monotonic()
                if self.ended or rest <= 0:
                    raise Timeout(f"{self.name}: no line like {pattern!r} "
                                  f"since line {mark}:\n{self.tail(mark)}")
                self.changed.wait(rest)

    def holdings(self):
        """(kB of resident memory, descriptors, threads)"""
        path = f"/proc/{self.pid}"
        with open(f"{path}/status", encoding="ascii") as status:
            memory, = (int(line.split()[1]) for line in status
                       if line.startswith("VmRSS"))
        return (memory, len(os.listdir(f"{path}/fd")),
                len(os.listdir(f"{path}/task")))

    def send(self, line):
        """Writes a line to its standard input."""
        self.popen.stdin.write(line.encode() + b"\n")
        self.popen.stdin.flush()

    def finish(self, timeout=10):
        """Closes its input, waits for its end; the exit code."""
        self.popen.stdin.close()
        code = self.popen.wait(deadline(timeout))
        self.thread.join()
        return code

    def tail(self, mark=0):
        """The last lines since mark, for a complaint."""
        return "\n".join(self.text(mark).splitlines()[-SHOWN:])

    def ends_within(self, seconds):
        """Waits; True if it has ended."""
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self.thread.join()
        return True

    def stop(self, number=signal.SIGTERM, timeout=10):
        """Ends it, with force if it will not. Seconds that it took."""
        start = time.monotonic()
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        if not self.ends_within(deadline(timeout)):
            self.popen.kill()
            self.ends_within(None)
            raise Timeout(f"{self.name} had to be killed:\n{self.tail()}")
        return time.monotonic() - start
