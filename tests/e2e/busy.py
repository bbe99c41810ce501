# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A reader that somebody else has: waited for, and the log tells who: busy.py"""
import os
import re
import shutil
import subprocess

import cases
from cases import Lab, deadline, lab
from processes import die_with_parent
from pcsc import Context, Watch

LINE = re.compile(r"USB device \d+/\d+\.\d+:? (.*)")
WAITS = 2.5             # seconds that the driver does


class Holder:
    """A process of that name which has the interface of a reader, plugged in
    but not told to pcscd yet. (It sends nothing: that would be its own.)"""

    def __init__(self, bench, name="scdaemon", **options):
        self.bench = bench
        # cases see each other's processes, and those their own /dev
        self.told = lab.Bench.plug(bench, "r", addr=3 + os.getpid() % 100,
                                   **options)
        bench.control("hold", "r")
        program = os.path.join(bench.work, name)
        shutil.copy(shutil.which("sleep"), program)
        node = "/dev/bus/usb/%03d/%03d" % (int(self.told["bus"]),
                                           int(self.told["address"]))
        with open(node, "rb") as opened:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(
                [program, "1000"], stdin=opened, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def tell(self):
        """pcscd hears of the reader."""
        self.bench.bus.plug("r", self.told)

    def end(self):
        """It ends, and the kernel takes the interface from it."""
        self.process.kill()
        self.process.wait()
        self.bench.control("let-go", "r")


def told(pcscd):
    """What the driver says of the interface."""
    return LINE.findall(pcscd.text())


def check_works(bench):
    """The reader is listed and sees a card."""
    reader, = Context().wait_for_readers(1, deadline(10))
    bench.insert("r", 0, "echo")
    assert Watch(reader).until(lambda state: state.present)


def a_reader_that_becomes_free_in_time_is_used():
    """The other program ends while pcscd waits in the driver."""
    with Lab() as bench:
        holder = Holder(bench)
        pcscd = bench.start_pcscd()
        holder.tell()
        bench.wait("r", "refused>=1")
        holder.end()
        pcscd.wait_for("became free after")
        check_works(bench)
        line, = told(pcscd)
        assert line.startswith("was in use"), line


def one_line_names_the_process_that_does_not_end():
    """And what to do about it. Then nothing more is tried."""
    with Lab() as bench:
        holder = Holder(bench)
        pcscd = bench.start_pcscd()
        holder.tell()
        pcscd.wait_for("is in use by", WAITS + 10)
        pcscd.wait_for("Open Port .* Failed")
        line, = told(pcscd)
        assert line.startswith(
            f"is in use by scdaemon (process {holder.process.pid}): "), line
        assert "disable-ccid in scdaemon.conf" in line, line
        assert bench.stats("r").get("opens") == 1, bench.stats("r")
        assert "cannot be opened" not in pcscd.text()
        assert not bench.readers()
        holder.end()


def a_name_that_a_process_gives_itself_writes_no_line():
    """Control characters in it are shown as question marks."""
    with Lab() as bench:
        holder = Holder(bench, "sc\nERROR\x1b[1m")
        pcscd = bench.start_pcscd()
        holder.tell()
        pcscd.wait_for("is in use by", WAITS + 10)
        line, = told(pcscd)
        assert "(process %d)" % holder.process.pid in line, line
        assert "\x1b" not in pcscd.text()
        holder.end()


def where_no_process_may_be_looked_at_the_line_says_so():
    """As in the sandbox that newer services of pcscd have."""
    with Lab() as bench:
        holder = Holder(bench)
        pcscd = bench.start_pcscd(
            wrapper=["setpriv", "--bounding-set", "-sys_ptrace"])
        holder.tell()
        pcscd.wait_for("is in use by", WAITS + 10)
        line, = told(pcscd)
        assert line.startswith("is in use by another program, which pcscd "
                               "has no right to look at"), line
        holder.end()


def where_no_process_can_be_seen_the_line_says_so():
    """As in a container; whether there are hidden ones is the machine's."""
    with Lab() as bench:
        holder = Holder(bench)
        holder.process.kill()
        holder.process.wait()           # its claim stays: somebody unseen
        pcscd = bench.start_pcscd()
        holder.tell()
        pcscd.wait_for("is in use by", WAITS + 10)
        line, = told(pcscd)
        assert line.startswith("is in use by another program, which "), line
        bench.control("let-go", "r")


def a_driver_of_the_kernel_gives_way_and_is_given_back():
    """It has the interface again when pcscd has ended."""
    with Lab() as bench:
        bench.plug("r", kernel_driver="usbhid")
        bench.start_pcscd()
        check_works(bench)
        bench.stop_pcscd()
        steps = [line[2] for line in bench.journal()
                 if line[2] in ("driver-off", "claim", "release", "driver-on")]
        assert steps == ["driver-off", "claim", "release", "driver-on"], steps


def a_driver_that_does_not_give_way_is_named():
    """No process has the node open then."""
    with Lab() as bench:
        pcscd = bench.start_pcscd()
        bench.plug("r", kernel_driver="pn533_usb", driver_stays=True)
        pcscd.wait_for("is in use by", WAITS + 10)
        line, = told(pcscd)
        assert line.startswith("is in use by the kernel's driver pn533_usb"), \
            line


if __name__ == "__main__":
    cases.main(a_reader_that_becomes_free_in_time_is_used,
               one_line_names_the_process_that_does_not_end,
               a_name_that_a_process_gives_itself_writes_no_line,
               where_no_process_may_be_looked_at_the_line_says_so,
               where_no_process_can_be_seen_the_line_says_so,
               a_driver_of_the_kernel_gives_way_and_is_given_back,
               a_driver_that_does_not_give_way_is_named)
