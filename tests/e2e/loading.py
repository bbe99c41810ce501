# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The built module under real libusb, loaded and unloaded as pcscd does: no
memory, descriptor or thread is left behind; and sixteen readers at once.

    loading.py [--count N] [--module FILE]
"""
import argparse
import os
import re
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lab"))

import lab                              # pylint: disable=wrong-import-position

TIMES = 40
WARM = 10               # first times: memory finds its place
SLACK_KB = 512          # of resident memory; libraries keep some
READERS = 16
URBS = 25               # more than there are in a session

# What urbs can end with: -EPROTO and the like, a stall, babble, a device gone
ERRORS = (71, 32, 75, 108, 84, 62, 63, 70, 18, 121, 19, 104)
FEW = 4


def name_of(place):
    """As pcscd spells it."""
    return ("usb:04e6/5116:libudev:0:/dev/bus/usb/"
            f"{int(place['bus']):03}/{int(place['address']):03}")


def say(host, *lines):
    """Orders, and the answers to them once all are there."""
    mark = host.process.mark()
    for line in lines:
        host.process.send(line)
    host.process.send("join")
    host.process.wait_for("joined$", 60, mark)
    return host.process.text(mark)


def repeat(host, place, times):
    """Loaded, a reader opened, used and closed, unloaded."""
    for _ in range(times):
        answers = say(host, f"create 0 {name_of(place)}", "presence 0",
                      "power 0 up", "protocol 0 1", "transmit 0 801400000c",
                      "close 0", "unload")
        for call, code in (("create", 0), ("presence", 615), ("power", 0),
                           ("transmit", 0), ("close", 0)):
            assert f"{call} 0 rc={code}" in answers, answers


def nothing_is_left_of_a_module_that_was_unloaded(host, count):
    """The first case."""
    place = host.plug("r")
    host.insert("r")
    repeat(host, place, WARM)
    before = host.process.holdings()
    repeat(host, place, count)
    after = host.process.holdings()
    print(f"# {count} times: kB, descriptors, threads: {before} to {after}")
    assert after[1:] == before[1:]
    # A sanitizer keeps what was freed.
    assert after[0] - before[0] <= SLACK_KB or os.environ.get("SANITIZE")
    host.unplug("r")


def sixteen_readers_work_at_once(host, _):
    """The second case."""
    say(host, "unload")
    before = host.process.holdings()
    names = [f"r{number}" for number in range(READERS)]
    for number, name in enumerate(names):
        place = host.plug(name, interrupt=number % 4 != 3)
        serial = int(host.insert(name)["serial"])
        lun = number << 16
        answers = say(host, f"create {lun} {name_of(place)}", f"presence {lun}",
                      f"power {lun} up", f"protocol {lun} 1",
                      f"transmit {lun} 801400000c")
        assert f"transmit {lun} rc=0" in answers, answers
        assert f"data={serial:08x}" in answers, answers
    say(host, *(f"close {number << 16}" for number in range(READERS)),
        "unload")
    for name in names:
        assert host.state(name)["claimed"] == "0"
    assert host.process.holdings()[1:] == before[1:]


def every_urb_may_fail_with_any_error(host, count):
    """The third case; with the first errors only, if it is to be short."""
    place = host.plug("r")
    host.insert("r")
    session = [f"create 0 {name_of(place)}", "presence 0", "power 0 up",
               "protocol 0 1", "transmit 0 801400000c", "get 0 0x10100",
               "power 0 reset", "transmit 0 801400000c", "power 0 down",
               "close 0"]
    for error in ERRORS if count > TIMES else ERRORS[:FEW]:
        for number in range(1, URBS):
            host.control("break", "r", number, error)
            say(host, *session)
            host.control("break", "r", 60000, error)
            repeat(host, place, 1)
    assert not host.stats("r").get("resets")


def left_of(answers, what):
    """How far the last refusal was off."""
    return int(re.search(rf"refuse {what} left=(\d+)", answers).group(1))


def refuse_each(host, place, what, most):
    """Returns how many of them a session asks for."""
    session = [f"create 0 {name_of(place)}", "presence 0", "power 0 up",
               "protocol 0 1", "transmit 0 801400000c", "close 0"]
    for number in range(1, most):
        answers = say(host, f"refuse {what} {number}", *session,
                      f"refuse {what} 0")
        left = left_of(answers.rsplit(" 0 rc", 1)[1], what)
        if left:
            return number - 1
        # libusb does without some of its own.
        assert re.search("create 0 rc=(612|0)\\b", answers), answers
        repeat(host, place, 1)
    raise AssertionError(f"{most} and more of {what}")


def every_thread_and_piece_of_memory_may_be_refused(host, _):
    """The fourth case."""
    place = host.plug("r")
    host.insert("r")
    repeat(host, place, WARM)
    before = host.process.holdings()
    threads = refuse_each(host, place, "thread", 10)
    memory = 0 if os.environ.get("SANITIZE") else refuse_each(
        host, place, "memory", 400)
    print(f"# {threads} threads, {memory} pieces of memory")
    assert threads >= 1
    assert memory >= 10 or os.environ.get("SANITIZE")
    after = host.process.holdings()
    assert after[1:] == before[1:], (before, after)
    assert host.state("r")["claimed"] == "0"


def main():
    """TAP."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=TIMES)
    parser.add_argument("--module", default=os.environ.get("MODULE"))
    options = parser.parse_args()
    if not options.module:
        lab.skip("no module: set MODULE or use --module")
    cases = (nothing_is_left_of_a_module_that_was_unloaded,
             sixteen_readers_work_at_once,
             every_urb_may_fail_with_any_error,
             every_thread_and_piece_of_memory_may_be_refused)
    print(f"1..{len(cases)}", flush=True)
    for number, case in enumerate(cases, 1):
        host = lab.Host(options.module)
        case(host, options.count)
        host.close()
        print(f"ok {number} - {case.__name__.replace('_', ' ')}", flush=True)


if __name__ == "__main__":
    main()
