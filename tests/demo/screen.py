# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The demo's table: what happens, what a program sees, how soon. It counts."""

import os
import sys
import textwrap

WIDTH = 78
LEFT = 23
RIGHT = 10

BOLD, DIM, RED, GREEN = "1", "2", "31", "32"


def wants_colour(stream):
    """On a terminal only, and see no-color.org."""
    return (stream.isatty() and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM", "dumb") != "dumb")


class Screen:
    """Prints, and counts what was right and what was not."""

    def __init__(self, stream=sys.stdout):
        self.stream = stream
        self.colour = wants_colour(stream)
        self.passed = self.failed = 0

    def _paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self.colour and text else text

    def _print(self, text=""):
        print(text.rstrip(), file=self.stream, flush=True)

    def text(self, words):
        """A paragraph."""
        self._print(textwrap.fill(words, WIDTH))
        self._print()

    def head(self):
        """What stands over the columns."""
        middle = WIDTH - LEFT - RIGHT
        self._print(self._paint(f"{'what happens':{LEFT}}"
                                f"{'what a PC/SC program sees':{middle}}"
                                f"{'after':>{RIGHT}}", DIM))
        self._print(self._paint("-" * WIDTH, DIM))

    def line(self, happens, seen, milliseconds=None):
        """One line of the table."""
        middle = WIDTH - LEFT - RIGHT
        time = "" if milliseconds is None else f"{milliseconds:.2f} ms"
        self._print(self._paint(f"{happens:{LEFT}}", BOLD)
                    + f"{seen:{middle}}"
                    + self._paint(f"{time:>{RIGHT}}", GREEN))

    def program(self, argv, output):
        """A program that was run and what it wrote, beside it if it fits."""
        command = f"$ {' '.join(argv)}"
        lines = output or ["nothing"]
        if len(command) >= LEFT:
            self._print(self._paint(command, BOLD))
            command = ""
        for line in lines:
            self._print(self._paint(f"{command:{LEFT}}", BOLD)
                        + line[:WIDTH - LEFT])
            command = ""

    def check(self, good, wanted):
        """Counts; says what was wanted if it is not so."""
        if good:
            self.passed += 1
            return
        self.failed += 1
        self._print(self._paint(f"  FAILED: {wanted}", RED))

    def end(self):
        """The line that counts; the exit code."""
        self._print()
        line = f"demo: {self.passed} passed, {self.failed} failed"
        self._print(self._paint(line, RED if self.failed else GREEN))
        return 1 if self.failed or not self.passed else 0
