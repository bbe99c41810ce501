# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""vreader's journal and pcsc-watch's lines, laid side by side.

Times are nanoseconds of one clock, in both.
"""

import re

OUT, INTERRUPT = "01", "82"     # endpoints of vreader's first reader
EVENT = re.compile(r'^(\d+) event ".* (\w\w) \w\w" counter=\d+ word=\w+ '
                   r'(\S+)', re.MULTILINE)


class Journal:
    """The lines of a journal, as bench.journal() gives them, of a reader."""

    def __init__(self, lines, reader="r"):
        self.lines = [(int(line[0]), line[2], line[3:]) for line in lines
                      if line[1] == reader]

    def times(self, what, *first):
        """When that happened; first: what its line goes on with."""
        return [time for time, word, rest in self.lines
                if word == what and rest[:len(first)] == list(first)]

    def movements(self):
        """(time, "insert" or "remove") of each."""
        return [(time, word) for time, word, _ in self.lines
                if word in ("insert", "remove")]

    def commands(self, start, end):
        """bMessageType of each command in that time, in hex."""
        return [rest[2][:2] for time, word, rest in self.lines
                if word == "submit" and rest[0] == OUT and start <= time < end]


def events(text, number=0):
    """(time, "present" or "empty") of each state that was told of the reader
    with that number in its name."""
    return [(int(time), "present" if "present" in states else "empty")
            for time, shown, states in EVENT.findall(text)
            if int(shown, 16) == number]


def first_after(times, start, end):
    """The first time in between, or None."""
    return next((time for time in times if start <= time < end), None)


def latencies(journal, told):
    """By movement: nanoseconds from the completed interrupt transfer to the
    client, or from the movement itself if there is no such pipe; None for what
    was not told before the next one."""
    movements = journal.movements()
    notified = journal.times("complete", INTERRUPT, "0") or [
        time for time, _ in movements]
    ends = [time for time, _ in movements[1:]] + [float("inf")]
    result = {"insert": [], "remove": []}
    for (time, word), end in zip(movements, ends):
        state = "present" if word == "insert" else "empty"
        seen = first_after([at for at, what in told if what == state], time,
                           end)
        since = first_after(notified, time, end)
        result[word].append(seen - since if seen and since else None)
    return result


def commands_by_movement(journal):
    """By movement: how many commands the driver sent until the next one."""
    movements = journal.movements()
    ends = [time for time, _ in movements[1:]] + [float("inf")]
    result = {"insert": [], "remove": []}
    for (time, word), end in zip(movements, ends):
        result[word].append(len(journal.commands(time, end)))
    return result
