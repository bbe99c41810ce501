# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the cases of a test, each in a process and namespaces of its own.

A case is a function whose name is the sentence that it shows. What it prints
stands before its line; where it fails, so does what pcscd said. The output is
TAP, the exit code 0, 1 or 77 (cannot run here).

    test.py [--bundle DIRECTORY] [--jobs N] [--limit SECONDS] [CASE...]

The bundle is that of the variable BUNDLE otherwise. N cases run at the same
time: mostly they wait, for pcscd sleeps a second before it ends.
"""
import argparse
import concurrent.futures
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lab"))

import lab                              # pylint: disable=wrong-import-position
from processes import deadline          # pylint: disable=wrong-import-position

__all__ = ["Lab", "deadline", "lab", "main", "options", "parser",
           "wait_for_socket"]

CASE_LIMIT = 120        # seconds; times --count, where a test has that
LINES_SHOWN = 150
LOG_LEVEL = "0x000F"
SOCKET = "/run/pcscd/pcscd.comm"

# What pcscd says at its end. An order to end that comes just before it begins
# to wait for clients is forgotten until the next one comes.
STOPPING = "Hotplug stopped"
CLEANING = r"RFCleanupReaders\(\) entering cleaning function"
STAMP = re.compile(r"^(\d{8}) ", re.MULTILINE)     # us since the line before
NUDGE_AFTER = 0.5

# What it says of clients that wait or ask
CHATTER = r"CMD_|Send reader states|SIGNAL for|RefReader|UnrefReader"

parser = argparse.ArgumentParser()
parser.add_argument("--bundle", default=os.environ.get("BUNDLE"))
parser.add_argument("--jobs", type=int, default=3)
parser.add_argument("--limit", type=float, default=CASE_LIMIT)
parser.add_argument("--case", help=argparse.SUPPRESS)
parser.add_argument("names", nargs="*", metavar="CASE")
options = argparse.Namespace()


def wait_for_socket(limit=10):
    """pcscd says that it is ready some moments before it listens."""
    end = time.monotonic() + deadline(limit)
    while True:
        try:
            socket.socket(socket.AF_UNIX).connect(SOCKET)
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.001)


def nudge(pcscd, mark, limit):
    """Until it ends: a client that knocks before the order has reached it is
    no help."""
    end = time.monotonic() + deadline(limit)
    while not pcscd.find(STOPPING, mark) and time.monotonic() < end:
        try:
            pcscd.wait_for(STOPPING, NUDGE_AFTER, mark)
        except lab.Timeout:
            with contextlib.suppress(OSError):
                socket.socket(socket.AF_UNIX).connect(SOCKET)


class Lab(lab.Lab):
    """The lab with the driver under test, and perhaps others beside it."""

    def __init__(self, *others, bundle=None, **more):
        super().__init__(bundles=[bundle or options.bundle, *others], **more)
        self.daemon = None

    def start_pcscd(self, *arguments, **environment):
        environment.setdefault("CCIDTRACK_ifdLogLevel", LOG_LEVEL)
        self.daemon = super().start_pcscd(*arguments, **environment)
        wait_for_socket()
        return self.daemon

    def end_pcscd(self, limit=10):
        """Orders pcscd to end; seconds from its turning to the readers to its
        end. What it does before is its own: it sleeps for a second there."""
        pcscd = self.pcscd
        mark = pcscd.mark()
        os.kill(pcscd.pid, signal.SIGINT)
        nudge(pcscd, mark, limit)
        pcscd.wait_for(CLEANING, mark=mark)
        super().stop_pcscd(0, limit)
        _, last_words = re.split(f"{CLEANING}\n", pcscd.text(mark))
        return sum(map(int, re.findall(STAMP, last_words))) / 1e6

    def stop_pcscd(self, number=signal.SIGINT, timeout=10):
        if number != signal.SIGINT or self.pcscd.ended:
            return super().stop_pcscd(number, timeout)
        return self.end_pcscd(timeout)

    def __exit__(self, kind, *more):
        if kind and self.daemon:
            text = [line for line in self.daemon.text().splitlines()
                    if not re.search(CHATTER, line)]
            print("pcscd's last words:", *text[-LINES_SHOWN:], sep="\n  ")
        super().__exit__(kind, *more)


def title(case):
    """The sentence."""
    return case.__name__.replace("_", " ")


def run_in_child(case):
    """The finished process of one case, and the seconds that it took."""
    start = time.monotonic()
    done = start_and_wait([sys.executable, *sys.argv, "--case", case.__name__])
    return done, time.monotonic() - start


def limit():
    """Seconds that a case may take."""
    return deadline(options.limit) * getattr(options, "count", 1)


def start_and_wait(words):
    """The finished process, whatever happens."""
    try:
        return subprocess.run(words, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False,
                              timeout=limit())
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode(errors="replace")
        return subprocess.CompletedProcess(words, 1, said + "\ntook too long")


def run_all(cases):
    """Runs them; the exit code."""
    failed = 0
    print(f"1..{len(cases)}")
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(run_in_child, cases)
        for number, (case, result) in enumerate(zip(cases, results), 1):
            done, seconds = result
            for line in done.stdout.splitlines():
                print("#", line)
            skipped = done.returncode == lab.namespaces.SKIPPED
            verdict = "not ok" if done.returncode and not skipped else "ok"
            failed += verdict != "ok"
            note = (done.stdout.strip().replace("SKIP: ", "SKIP ", 1)
                    if skipped else f"{seconds:.1f} s")
            print(f"{verdict} {number} - {title(case)} # {note}", flush=True)
    return 1 if failed else 0


def skip_early():
    """Ends the test here, with the reason, if no lab can be had."""
    done, _ = run_in_child(can_run)
    if done.returncode == lab.namespaces.SKIPPED:
        lab.skip(done.stdout.strip().removeprefix("SKIP: "))


def can_run():
    """The lab and its programs are there."""
    with Lab():
        pass


def main(*cases):
    """Runs the case that the arguments name, or all of them, and exits."""
    parser.parse_args(namespace=options)
    if not options.bundle:
        lab.skip("no bundle: set BUNDLE or use --bundle")
    options.bundle = os.path.abspath(options.bundle)
    by_name = {case.__name__: case for case in (can_run, *cases)}
    if options.case:
        by_name[options.case]()
        return
    skip_early()
    sys.exit(run_all([by_name[name] for name in options.names] or cases))
