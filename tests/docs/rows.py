# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Runs what the documents tell, as a user types it: rows of the list "commands"
beside this file, which says what its columns are."""
import os
import signal
import subprocess

from processes import Process, Timeout, deadline

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 60      # seconds
BEGUN = 30
TRIES, AGAIN = 8, 3
CTRL_C = "\x03"


def rows(*places):
    """[how, command] of the rows with these places."""
    with open(os.path.join(HERE, "commands"), encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    return [row[1:] for row in lines if len(row) == 3 and row[0] in places]


def run_to_its_end(command, code):
    """Its output."""
    done = subprocess.run(["bash", "-c", command], text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=deadline(LIMIT))
    assert done.returncode == int(code), (done.returncode, done.stdout)
    return done.stdout


def change_until(process, seen, change):
    """It may have begun before it sees anything."""
    mark = process.mark()
    change()
    for _ in range(TRIES if seen else 0):
        try:
            process.wait_for(seen, AGAIN, mark)
            return
        except Timeout:
            change()
    assert not seen, process.text(mark)


def run_until_ctrl_c(command, begun, seen, change):
    """Its output, on a terminal; change() is what happens meanwhile."""
    process = Process(["script", "-qefc", command, "/dev/null"])
    try:
        process.wait_for(begun, BEGUN)
        change_until(process, seen, change)
        process.send(CTRL_C)
        assert process.ends_within(deadline(BEGUN)), process.text()
    finally:
        process.stop(signal.SIGHUP)
    return process.text()


def run(how, command, change):
    """One row; its output."""
    if how.startswith("~"):
        _, begun, seen, *_ = (how + "~").split("~")
        return run_until_ctrl_c(command, begun, seen, change)
    return run_to_its_end(command, how)
