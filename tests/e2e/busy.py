# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A reader that somebody else has: waited for, and the log tells who: busy.py"""
import glob
import os
import re
import shutil
import signal
import subprocess

import cases
from cases import Lab, deadline, lab
from processes import die_with_parent
from pcsc import Context, Watch

LINE = re.compile(r"USB device \d+/\d+\.\d+:? (.*)")
FOUND_AGAIN = 10        # seconds; it is tried every 1.6 s


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

    def meet(self, **options):
        """pcscd starts, hears of the reader, and that somebody has it."""
        pcscd = self.bench.start_pcscd(**options)
        self.tell()
        pcscd.wait_for("is in use by", deadline(10))
        return pcscd

    def end(self):
        """It ends, and the kernel takes the interface from it."""
        self.process.kill()
        self.process.wait()
        self.bench.control("let-go", "r")


def told(pcscd):
    """What the driver says of the interface."""
    return LINE.findall(pcscd.text())


class Driver:
    """Another program, with a driver of its own that works with the reader."""

    def __init__(self, bench):
        module, = glob.glob(f"{cases.options.bundle}/Contents/*/"
                            "libccidtrack.so")
        self.bench = bench
        self.told = lab.Bench.plug(bench, "r")
        self.serial = int(bench.insert("r", 0, "echo")["serial"])
        name = (f"usb:04e6/5116:libudev:0:/dev/bus/usb/"
                f"{int(self.told['bus']):03}/{int(self.told['address']):03}")
        self.process = bench.start([lab.program("host"), module],
                                   env=bench.environment())
        self.call(f"create 0 {name}")

    def call(self, command, code=r"0|615"):
        """A call that must succeed."""
        mark = self.process.mark()
        self.process.send(command)
        word = command.split()[0]
        _, found = self.process.wait_for(rf" {word} .*rc=(-?\d+)", mark=mark)
        assert re.fullmatch(code, found[1]), found[0]

    def tell(self):
        """pcscd hears of the reader."""
        self.bench.bus.plug("r", self.told)

    def use(self):
        """Its card is powered up and used."""
        for command in ("presence 0", "power 0 up", "protocol 0 1",
                        "transmit 0 00A4000000"):
            self.call(command)

    def close(self):
        """It has done with the reader, and goes on."""
        self.call("close 0")


def check_sees(serial=None):
    """The one reader is listed, and has a card that answers."""
    reader, = Context().wait_for_readers(1, deadline(10))
    assert Watch(reader).until(lambda state: state.present,
                               deadline(FOUND_AGAIN))
    card = Context().connect(reader)
    answer = card.transmit(b"\x80\x14\x00\x00\x04")
    assert not serial or int.from_bytes(answer[:4], "big") == serial, answer
    card.disconnect()


def check_empty():
    """The one reader is listed, and shows no card."""
    reader, = Context().wait_for_readers(1, deadline(10))
    assert not Watch(reader).look().present


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
    """And what to do about it. The reader is listed, and shows no card."""
    with Lab() as bench:
        holder = Holder(bench)
        bench.insert("r", 0, "echo")
        pcscd = holder.meet()
        check_empty()
        bench.wait("r", f"refused>={bench.stats('r')['refused'] + 2}")
        line, = told(pcscd)
        assert line.startswith(
            f"is in use by scdaemon (process {holder.process.pid}): "), line
        assert "disable-ccid in scdaemon.conf" in line, line
        assert bench.stats("r").get("opens") == 1, bench.stats("r")
        assert "cannot be opened" not in pcscd.text()
        assert "out" not in bench.stats("r"), bench.stats("r")
        holder.end()


def it_is_used_as_soon_as_it_is_free():
    """Its card is there then, and pcscd was not started anew."""
    with Lab() as bench:
        holder = Holder(bench)
        serial = int(bench.insert("r", 0, "echo")["serial"])
        pcscd = holder.meet()
        check_empty()
        watch = Watch(Context().readers()[0])
        holder.end()
        assert watch.until(lambda state: state.present, deadline(FOUND_AGAIN))
        check_sees(serial)
        refused = bench.stats("r")["refused"]
        assert len(told(pcscd)) == 1, told(pcscd)
        assert "became free after" in pcscd.text()
        bench.swap("r", 0, "echo")
        assert watch.until(lambda state: not state.present or
                           state.count > 2)
        assert bench.stats("r")["refused"] == refused


def a_program_that_works_with_it_is_not_disturbed():
    """It has powered a card up and used it; then it closes the reader."""
    with Lab() as bench:
        driver = Driver(bench)
        driver.use()
        pcscd = bench.start_pcscd()
        driver.tell()
        pcscd.wait_for("is in use by", deadline(10))
        check_empty()
        driver.use()
        driver.close()
        check_sees(driver.serial)
        assert "resets" not in bench.stats("r"), bench.stats("r")


def one_that_dies_leaves_the_reader_to_us():
    """Killed while its card works at a command, and is brought to answer."""
    with Lab() as bench:
        driver = Driver(bench)
        driver.use()
        pcscd = bench.start_pcscd()
        driver.tell()
        pcscd.wait_for("is in use by", deadline(10))
        driver.process.send("1: transmit 0 80120400")
        bench.wait("r", "busy")
        driver.process.stop(signal.SIGKILL)
        check_sees()


def unplugging_ends_it_all():
    """While somebody has it; the next reader there is another one."""
    with Lab() as bench:
        holder = Holder(bench)
        holder.meet()
        check_empty()
        bench.unplug("r")
        holder.process.kill()
        holder.process.wait()
        watch = Context()
        watch.wait_for_readers(0, deadline(10))
        bench.plug("s")
        reader, = Context().wait_for_readers(1, deadline(10))
        bench.insert("s", 0, "echo")
        assert Watch(reader).until(lambda state: state.present)


def pcscd_ends_at_once_while_somebody_has_it():
    """Nothing is left claimed or open."""
    with Lab() as bench:
        holder = Holder(bench)
        holder.meet()
        check_empty()
        bench.stop_pcscd()
        assert [line[2] for line in bench.journal()
                if line[2] in ("open", "close")] == ["open", "close"]
        holder.end()


def each_slot_shows_its_card_once_the_reader_is_free():
    """Four of them, two with cards."""
    with Lab() as bench:
        holder = Holder(bench, slots=4, busy_slots=2)
        for slot in (0, 2):
            bench.insert("r", slot, "echo")
        holder.meet()
        readers = Context().wait_for_readers(4, deadline(10))
        assert not any(Watch(reader).look().present for reader in readers)
        holder.end()
        for slot in (0, 2):
            assert Watch(readers[slot]).until(lambda state: state.present,
                                              deadline(FOUND_AGAIN))
        assert not Watch(readers[1]).look().present
        assert not Watch(readers[3]).look().present


def a_name_that_a_process_gives_itself_writes_no_line():
    """Control characters in it are shown as question marks."""
    with Lab() as bench:
        holder = Holder(bench, "sc\nERROR\x1b[1m")
        pcscd = holder.meet()
        line, = told(pcscd)
        assert "(process %d)" % holder.process.pid in line, line
        assert "\x1b" not in pcscd.text()
        holder.end()


def where_no_process_may_be_looked_at_the_line_says_so():
    """As in the sandbox that newer services of pcscd have."""
    with Lab() as bench:
        holder = Holder(bench)
        pcscd = holder.meet(
            wrapper=["setpriv", "--bounding-set", "-sys_ptrace"])
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
        pcscd = holder.meet()
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
        pcscd.wait_for("is in use by", deadline(10))
        line, = told(pcscd)
        assert line.startswith("is in use by the kernel's driver pn533_usb"), \
            line


if __name__ == "__main__":
    cases.main(a_reader_that_becomes_free_in_time_is_used,
               one_line_names_the_process_that_does_not_end,
               it_is_used_as_soon_as_it_is_free,
               a_program_that_works_with_it_is_not_disturbed,
               one_that_dies_leaves_the_reader_to_us,
               unplugging_ends_it_all,
               pcscd_ends_at_once_while_somebody_has_it,
               each_slot_shows_its_card_once_the_reader_is_free,
               a_name_that_a_process_gives_itself_writes_no_line,
               where_no_process_may_be_looked_at_the_line_says_so,
               where_no_process_can_be_seen_the_line_says_so,
               a_driver_of_the_kernel_gives_way_and_is_given_back,
               a_driver_that_does_not_give_way_is_named)
