# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The driver in the sandbox that pcscd's service has from pcsc-lite 2.4 on: an
ordinary user, nothing to write to, system calls that kill."""
import os
import shutil
import signal
import subprocess
import sys

import cases
from cases import Lab, deadline, lab
import pcsc
from pcsc import Context, Watch

READER = "virtual reader 00 00"
IDENTITY = bytes.fromhex("801400000C")
NOBODY = 65534
PCSCD = "/run/pcscd"
SOON = 1
CONFINE = os.path.join(cases.HERE, "..", "lab", "confine.py")


def user():
    """Whom pcscd shall run as: somebody else, if there is anybody else here."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        _, _, count = map(int, file.readline().split())
    return NOBODY if count > NOBODY else os.getuid()


class Sandbox(Lab):
    """The lab with that sandbox. Rights to open the device are not its subject:
    the lab's devices ask for none."""

    def __init__(self, *others, **more):
        super().__init__(*others, **more)
        self.user = user()
        self.wrapper = ["unshare", "-m", sys.executable, "-B", CONFINE, str(self.user), PCSCD]
        os.chown(PCSCD, self.user, -1)
        os.chmod(f"{lab.WORK}/usb", 0o666)
        # below /tmp or /home nothing is seen any more
        self.preload = shutil.copy(self.preload, lab.WORK)

    def start_pcscd(self, *arguments, **environment):
        return super().start_pcscd(*arguments, wrapper=self.wrapper,
                                   **environment)

    def files(self):
        """What pcscd can have written."""
        root = f"/proc/{self.pcscd.pid}/root"
        return sorted(name for place in ("/tmp", "/var/tmp", PCSCD)
                      for name in os.listdir(root + place))

    def confined(self, code):
        """How a piece of Python ends in there."""
        return subprocess.run(
            [*self.wrapper, "/usr/bin/python3", "-c", code], text=True,
            capture_output=True, timeout=deadline(10), check=False)


def serial_of(handle):
    """The number of the card that answers."""
    answer = handle.transmit(IDENTITY)
    assert answer[-2:] == b"\x90\x00", answer.hex()
    return int.from_bytes(answer[:4], "big")


def check_card(bench, watch):
    """A card is put in, answers, is swapped, answers again, and leaves."""
    count = watch.state.count
    for move in (bench.insert, bench.swap):
        card = move("r")
        count += 1 if move == bench.insert else 2
        watch.until(lambda state: state.count >= count and state.atr,
                    deadline(SOON))
        handle = watch.context.connect(READER)
        assert serial_of(handle) == int(card["serial"])
        handle.disconnect()
    bench.remove("r")
    watch.until(lambda state: state.empty, deadline(SOON))


def the_sandbox_forbids_what_it_should():
    refused = {
        "open('/etc/new', 'w')": "Read-only file system",
        "open('/usr/lib/pcsc/new', 'w')": "Read-only file system",
        "open('/run/new', 'w')": "Read-only file system",
        "import mmap; mmap.mmap(-1, 4096, prot=7)": "not permitted",
    }
    killed = ("os.fork()", "os.system('true')", "os.nice(1)",
              "os.chown('/tmp', 1, 1)", "os.setuid(0)",
              "os.sched_setaffinity(0, [0])", "os.chroot('/')")
    with Sandbox() as bench:
        for code, words in refused.items():
            done = bench.confined(code)
            assert done.returncode == 1 and words in done.stderr, (code, done)
        for code in killed:
            done = bench.confined(f"import os; {code}")
            assert done.returncode == -signal.SIGSYS, (code, done)
        assert bench.confined("open('/tmp/new', 'w')").returncode == 0


def cards_move_and_answer_there():
    with Sandbox() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = Watch(READER)
        for _ in range(3):
            check_card(bench, watch)
        assert bench.files() == ["pcscd.comm", "pcscd.pid"], bench.files()


def readers_come_and_go_there():
    with Sandbox() as bench:
        bench.start_pcscd()
        context = Context()
        for level in ("short", "tpdu"):
            bench.plug("r", level=level)
            assert context.wait_for_readers(1) == [READER]
            watch = Watch(READER)
            check_card(bench, watch)
            watch.close()
            bench.unplug("r")
            context.wait_for_readers(0)


def a_reader_that_hangs_is_mended_there():
    with Sandbox() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = Watch(READER)
        card = bench.insert("r")
        watch.until(lambda state: state.count == 1 and state.atr,
                    deadline(SOON))
        handle = watch.context.connect(READER)
        assert serial_of(handle) == int(card["serial"])
        bench.fault("r", "dead")
        try:
            handle.transmit(IDENTITY)
            raise AssertionError("an answer of a reader that hangs")
        except pcsc.Error as error:
            print(error)
        watch.until(lambda state: state.count == 3 and state.atr,
                    deadline(SOON))
        handle = watch.context.connect(READER)
        assert serial_of(handle) == int(card["serial"])
        assert bench.stats("r")["resets"] == 1


cases.main(the_sandbox_forbids_what_it_should,
           cards_move_and_answer_there,
           readers_come_and_go_there,
           a_reader_that_hangs_is_mended_there)
