# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""What surrounds the driver: clocks that step, children, other users, no file
systems, clients that cancel, a slow bus.

    surroundings.py [--bundle DIRECTORY] [CASE...]
"""
import ctypes
import os
import re
import subprocess
import sys
import threading
import time

import cases
from cases import Lab, deadline, lab, options
import pcsc
from pcsc import Context, Watch

READER = "virtual reader 00 00"
IDENTITY = bytes.fromhex("801400000C")
BUSY = bytes.fromhex("801207D0")        # takes two seconds
BUSY_S = 2
CANCELLED = 0x80100002
DAY = 86400
WAIT_MS = 1500
SOON = 1
SLOW = 100000           # us that a slow bus takes for each message
USER = 4242
SLOW_STEPS = 20         # messages that a card costs until it has answered

# Nothing to read but what must be, and nothing to write but pcscd's socket. A
# sanitizer looks at its own maps in /proc; a / that is no mount stays as it is.
SANDBOX = """
[ -n "$SANITIZE$LEAVE_PROC" ] || mount -t tmpfs -o ro none /proc
mount -o remount,bind,ro / || :
user=$1
shift
[ "$user" != 0 ] || exec "$@"
exec setpriv --reuid="$user" --regid="$user" --clear-groups --no-new-privs \\
    --bounding-set=-all --inh-caps=-all "$@"
"""

# The first device of the bus, as libudev finds it
LIST_USB = """
import ctypes
udev = ctypes.CDLL("libudev.so.1")
for name in "new", "enumerate_new", "enumerate_get_list_entry":
    getattr(udev, "udev_" + name).restype = ctypes.c_void_p
devices = ctypes.c_void_p(udev.udev_enumerate_new(
    ctypes.c_void_p(udev.udev_new())))
udev.udev_enumerate_add_match_subsystem(devices, b"usb")
udev.udev_enumerate_scan_devices(devices)
print(udev.udev_enumerate_get_list_entry(devices))
"""


class Called:
    """The module in the lab's host, and a reader."""

    def __init__(self, **plugged):
        module = os.path.join(options.bundle, "Contents", os.uname().sysname,
                              "libccidtrack.so")
        self.host = lab.Host(module)
        place = self.host.plug("r", **plugged)
        self.name = ("usb:04e6/5116:libudev:0:/dev/bus/usb/"
                     f"{int(place['bus']):03}/{int(place['address']):03}")

    def say(self, *lines):
        """Orders, and what comes until all are done."""
        mark = self.start(*lines)
        self.host.process.send("join")
        self.host.process.wait_for("joined$", 60, mark)
        return self.host.process.text(mark)

    def start(self, *lines):
        """The same without waiting for it; where to look for the answers."""
        mark = self.host.process.mark()
        for line in lines:
            self.host.process.send(line)
        return mark


def took(answers, call):
    """Milliseconds of the call, and what it returned."""
    start, end, code = re.search(rf"^(\d+) (\d+) \d+ {call} \d+ rc=(\d+)",
                                 answers, re.MULTILINE).groups()
    return (int(end) - int(start)) / 1e6, int(code)


def a_step_of_the_wall_clock_changes_no_wait():
    called = Called()
    called.host.insert("r")
    answers = called.say(f"create 0 {called.name}", "presence 0",
                         "power 0 up", "protocol 0 1")
    assert took(answers, "protocol")[1] == 0, answers
    for step in (DAY, -2 * DAY):
        mark = called.start(f"1: poll 0 {WAIT_MS}", "2: transmit 0 801201F4",
                            f"step {step}")
        called.host.process.wait_for("transmit 0", 10, mark)
        called.say(f"step {step}")
        answers = called.host.process.text(mark)
        ms, code = took(answers, "poll")
        assert code == 0, answers
        assert WAIT_MS - 1 <= ms <= deadline(WAIT_MS + 500), answers
        ms, code = took(answers, "transmit")
        assert code == 0 and 500 <= ms <= deadline(1000), answers
    # Neither for ever nor at once: a reset ends it.
    called.host.fault("r", "dead")
    mark = called.start("2: transmit 0 801400000c", f"step {DAY}")
    called.host.process.wait_for("transmit 0", 60, mark)
    ms, code = took(called.host.process.text(mark), "transmit")
    assert code == 613 and 1000 <= ms <= deadline(15000), (ms, code)
    called.say("close 0")
    called.host.close()


def a_child_inherits_nothing_and_harms_nothing():
    called = Called()
    called.host.insert("r")
    before = called.say("fork")
    assert "inherited=0" in before, before
    called.say(f"create 0 {called.name}", "presence 0", "power 0 up",
               "protocol 0 1")
    mark = called.start("1: poll 0 -1", "2: transmit 0 801201F4")
    called.host.wait("r", "busy")
    called.start("fork")
    _, found = called.host.process.wait_for(r"fork inherited=(\d+)", 10, mark)
    assert found.group(1) == "0", found.group(0)
    called.host.process.wait_for("transmit 0 rc=0", 10, mark)
    called.host.remove("r")
    called.host.process.wait_for("poll 0 rc=0", 10, mark)
    assert "presence 0 rc=616" in called.say("presence 0")
    called.say("close 0")
    called.host.close()


def sandboxed(user):
    """What starts a command in there."""
    return ["unshare", "-m", "--", "sh", "-ec", SANDBOX, "sh", str(user)]


def libudev_needs_proc(user):
    """Newer ones find no device without: by its own sign, not the driver's."""
    found = subprocess.run([*sandboxed(user), sys.executable, "-c", LIST_USB],
                           text=True, stdout=subprocess.PIPE, check=True,
                           env={**os.environ,
                                "SYSTEMD_DEVICE_VERIFY_SYSFS": "0"})
    return found.stdout.strip() == "None"


def another_user_without_proc_or_disk_is_served():
    with Lab() as bench:
        user = another_user()
        for path in ("/run/pcscd", f"{bench.work}/usb"):
            os.chown(path, user, user)
        bench.plug("r")
        if libudev_needs_proc(user):
            print("with /proc: libudev finds no device without")
            os.environ["LEAVE_PROC"] = "yes"
        bench.start_pcscd(wrapper=sandboxed(user))
        with open(f"/proc/{bench.pcscd.pid}/status", encoding="ascii") as file:
            assert f"Uid:\t{user}\t{user}" in file.read()
        watch = Watch(READER)
        watch.until(lambda state: state.empty, deadline(SOON))
        serial = int(bench.insert("r")["serial"])
        watch.until(lambda state: state.atr, deadline(SOON))
        answer = Context().connect(READER).transmit(IDENTITY)
        assert int.from_bytes(answer[:4], "big") == serial
        bench.remove("r")
        watch.until(lambda state: state.empty, deadline(SOON))


def another_user():
    """Of root's making; in a namespace of an ordinary user's there is one."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return USER if int(file.read().split()[2]) > USER else 0


class Waiting(threading.Thread):
    """A client in SCardGetStatusChange, or in any other call."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.call = (function, arguments)
        self.result = None
        self.start()

    def run(self):
        function, arguments = self.call
        try:
            self.result = function(*arguments)
        except pcsc.Error as error:
            self.result = error

    def outcome(self, limit):
        """What it returned."""
        self.join(deadline(limit))
        assert not self.is_alive(), "hangs"
        return self.result


def wait_for_change(context, word):
    """SCardGetStatusChange without an end, and without a second try."""
    states = (pcsc.ReaderState * 1)()
    states[0].reader = READER.encode()
    states[0].current = word
    pcsc._call("SCardGetStatusChange",  # pylint: disable=protected-access
               context.handle, ctypes.c_ulong(pcsc.INFINITE), states,
               ctypes.c_ulong(1))


def a_client_that_cancels_disturbs_nobody():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = Watch(READER)
        watch.until(lambda state: state.empty, deadline(SOON))
        serial = int(bench.insert("r")["serial"])
        watch.until(lambda state: state.atr, deadline(SOON))
        card = Context().connect(READER)
        card.transmit(IDENTITY)
        word = watch.look().word & ~2
        commands = bench.stats("r")["commands"]
        asking = Context()
        waiting = Waiting(wait_for_change, asking, word)
        working = Waiting(card.transmit, BUSY)
        bench.wait("r", "busy")
        began = time.monotonic()
        while waiting.is_alive() and time.monotonic() < began + BUSY_S:
            pcsc._call("SCardCancel",   # pylint: disable=protected-access
                       asking.handle)
            time.sleep(0.01)
        assert waiting.outcome(SOON).code == CANCELLED, waiting.result
        assert working.outcome(BUSY_S + SOON)[-2:] == b"\x90\x00"
        assert bench.stats("r")["commands"] == commands + 1
        answer = card.transmit(IDENTITY)
        assert int.from_bytes(answer[:4], "big") == serial


def a_slow_bus_keeps_the_bounds():
    with Lab() as bench:
        bench.plug("r", level="tpdu", features="0")
        bench.set("r", status_time=SLOW, power_time=SLOW, off_time=SLOW,
                  xfr_time=SLOW, control_time=SLOW, notify_delay=SLOW)
        bench.start_pcscd()
        watch = Watch(READER)
        watch.until(lambda state: state.empty, deadline(SOON))
        for _ in range(3):
            serial = int(bench.insert("r")["serial"])
            watch.until(lambda state: state.atr,
                        deadline(SOON + SLOW_STEPS * SLOW / 1e6))
            answer = Context().connect(READER).transmit(IDENTITY)
            assert int.from_bytes(answer[:4], "big") == serial
            bench.remove("r")
            watch.until(lambda state: state.empty,
                        deadline(SOON + SLOW_STEPS * SLOW / 1e6))
        watch.close()
        seconds = bench.end_pcscd()
        print(f"ended after {seconds * 1000:.0f} ms")
        assert seconds < deadline(SOON + 3 * SLOW / 1e6)


if __name__ == "__main__":
    cases.main(
        a_step_of_the_wall_clock_changes_no_wait,
        a_child_inherits_nothing_and_harms_nothing,
        another_user_without_proc_or_disk_is_served,
        a_client_that_cancels_disturbs_nobody,
        a_slow_bus_keeps_the_bounds,
    )
