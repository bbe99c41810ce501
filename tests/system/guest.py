# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The tests inside the virtual machine, as TAP. First a reader that nobody here
wrote, QEMU's own, on the controllers that QEMU has; then ours over vhci_hcd.
Limits of time are generous: all of this machine is emulated."""

import fcntl
import glob
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

os.environ.setdefault("LAB_TIME_SCALE", "5")

import lab
import pcsc
from processes import Process
import usbip

THEIRS, OURS = "08e6:4433", "04e6:5116"
USB = "/sys/bus/usb"
USBDEVFS_RESET = 0x5514
USBDEVFS_CLAIMINTERFACE = 0x8004550F
HOLDER = f"""
import fcntl, struct, sys, time
with open(sys.argv[1], "wb", buffering=0) as node:
    fcntl.ioctl(node, {USBDEVFS_CLAIMINTERFACE}, struct.pack("I", 0))
    print("has it", flush=True)
    time.sleep(1000)
"""
UNKNOWN_READER = 0x80100009
SOON, LATER = 20, 90
MOVEMENTS = 20
RECORDS = 4
SHOWN = 40
WAIT = b"\x80\x12"
PING = b"\x00\xB0\x01\x02\x04"
PONG = b"\x02\x03\x04\x05\x90\x00"


# --- the machine

class Machine:
    """What is done from outside."""

    def __init__(self):
        self.port = open("/dev/ttyS1", "r+b", buffering=0)

    def __call__(self, verb, *arguments):
        self.port.write(json.dumps([verb, *arguments]).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            line += self.port.read(1)
        answer = json.loads(line)
        if answer and "error" in answer:
            raise AssertionError(f"{verb}: {answer['error']}")
        return answer


machine = Machine()
pcscd = None
client = None
bench = None


def plug(bus="xhci.0"):
    """QEMU's reader, with our card's slot."""
    machine("plug", bus)


def unplug():
    """The same reader."""
    machine("unplug")


def reader(count=1):
    """The names of the readers once there are so many."""
    names = client.wait_for_readers(count, LATER)
    return names[0] if count == 1 else names


def usb_device(ids=THEIRS):
    """Its name in sysfs. Error if there is none."""
    for path in glob.glob(f"{USB}/devices/*/idVendor"):
        place = os.path.dirname(path)
        with open(path, encoding="ascii") as vendor, \
                open(f"{place}/idProduct", encoding="ascii") as product:
            if f"{vendor.read().strip()}:{product.read().strip()}" == ids:
                return os.path.basename(place)
    raise AssertionError(f"the kernel knows no {ids}")


def write(path, text):
    """Into a file of sysfs."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def ask(name):
    """A client connects, asks the card, and leaves."""
    card = client.connect(name)
    answer = card.transmit(PING)
    assert answer == PONG, answer.hex()
    card.disconnect()


def present(state):
    """A card with an ATR."""
    return state.present and state.atr


def empty(state):
    """No card."""
    return state.empty


def settle(name, holds):
    """Waits for that state of a reader, which may be on its way back under the
    same name: each look is by a client that knows of nothing before it."""
    until(lambda: settled(name, holds), f"{name}: not {holds.__name__}")


def settled(name, holds):
    """Whether it is so now."""
    try:
        watch = pcsc.Watch(name)
    except pcsc.Error as error:
        if error.code != UNKNOWN_READER:
            raise
        return False
    state = watch.state
    watch.close()
    return holds(state)


def card_answers(name):
    """Put in, seen, asked, taken out, seen."""
    watch = pcsc.Watch(name, LATER)
    watch.until(empty)
    machine("insert")
    watch.until(present)
    ask(name)
    machine("remove")
    watch.until(empty)
    watch.close()


def until(holds, what, seconds=LATER):
    """Waits for what tells of itself to nobody."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def no_reader():
    """Waits until pcscd lists none."""
    client.wait_for_readers(0, LATER)


# --- QEMU's reader

def a_reader_of_qemu_on_xhci_serves_cards():
    plug()
    name = reader()
    card_answers(name)
    card_answers(name)


def opensc_tool_and_pcsc_scan_see_it():
    machine("insert")
    settle(reader(), present)
    for command in (["opensc-tool", "--atr"], ["opensc-tool", "-s", "00B0010204"],
                    ["pcsc_scan", "-c"]):
        found = subprocess.run(command, text=True, capture_output=True,
                               timeout=LATER, check=False)
        assert not found.returncode, found
        text = found.stdout.replace(":", "").replace(" ", "").lower()
        assert "3b6800007061737374687275" in text or "02030405" in text, text


def answers_of_whole_packets_come_whole():
    card = client.connect(reader())
    for size in (51, 52, 53, 54, 116, 180, 244, 256):
        for _ in range(RECORDS):
            got = card.transmit(b"\x00\xB0\x01\x02" + bytes([size & 0xFF]))
            assert len(got) == size + 2, (size, len(got))
            assert got[-2:] == b"\x90\x00" and got[0] == 2
    card.disconnect()
    machine("remove")
    settle(reader(), empty)


def movements_are_all_counted():
    watch = pcsc.Watch(reader(), LATER)
    first = watch.state.count
    for _ in range(MOVEMENTS):
        machine("insert")
        watch.until(present)
        machine("remove")
        watch.until(empty)
    assert watch.state.count - first == 2 * MOVEMENTS, watch.state
    watch.close()


def movements_in_a_storm_end_in_the_truth():
    name = reader()
    for number in range(MOVEMENTS):
        machine("insert")
        time.sleep(0.01 * (number % 5))
        machine("remove")
        time.sleep(0.01 * (number % 3))
    machine("insert")
    until(lambda: usable(name), "not usable after the storm")
    machine("remove")
    settle(name, empty)


def usable(name):
    """Whether a client gets an answer."""
    try:
        ask(name)
    except pcsc.Error:
        return False
    return True


def replugged_readers_come_back():
    for _ in range(5):
        unplug()
        no_reader()
        plug()
        reader()
    card_answers(reader())


def a_reader_pulled_in_an_apdu_ends_it():
    name = reader()
    machine("insert")
    settle(name, present)
    card = client.connect(name)
    failed = []

    def wait():
        try:
            card.transmit(WAIT + b"\x0B\xB8")
        except pcsc.Error as error:
            failed.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.3)
    unplug()
    thread.join(SOON)
    assert not thread.is_alive() and failed, failed
    no_reader()
    time.sleep(3)       # QEMU's card still thinks
    machine("remove")
    plug()
    card_answers(reader())


def a_driver_unbound_and_bound_serves_again():
    device = usb_device()
    write(f"{USB}/drivers/usb/unbind", device)
    until(lambda: not os.path.exists(f"{USB}/devices/{device}:1.0"), "unbound")
    write(f"{USB}/drivers/usb/bind", device)
    restored()


def restored():
    """The reader works, whether pcscd took it for a new one or not."""
    until(lambda: len(client.readers()) == 1, "one reader")
    name = reader()
    machine("insert")
    until(lambda: usable(name), "card not usable")
    machine("remove")
    settle(name, empty)


def an_unauthorized_device_comes_back():
    device = usb_device()
    write(f"{USB}/devices/{device}/authorized", "0")
    no_interface = f"{USB}/devices/{device}:1.0"
    until(lambda: not os.path.exists(no_interface), "interface gone")
    write(f"{USB}/devices/{device}/authorized", "1")
    until(lambda: os.path.exists(no_interface), "interface there")
    restored()


def node_of(device):
    """Its device node."""
    with open(f"{USB}/devices/{device}/busnum", encoding="ascii") as bus, \
            open(f"{USB}/devices/{device}/devnum", encoding="ascii") as number:
        return f"/dev/bus/usb/{int(bus.read()):03}/{int(number.read()):03}"


def a_reset_by_somebody_else_is_survived():
    name = reader()
    machine("insert")
    settle(name, present)
    with open(node_of(usb_device()), "wb", buffering=0) as file:
        fcntl.ioctl(file, USBDEVFS_RESET, 0)
    machine("remove")
    restored()


def a_reader_that_another_program_has_is_used_once_it_is_free():
    device = usb_device()
    interface = f"{USB}/devices/{device}:1.0"
    mark = pcscd.mark()
    pcscd.popen.send_signal(signal.SIGSTOP)     # or it would be faster
    write(f"{USB}/devices/{device}/authorized", "0")
    until(lambda: not os.path.exists(interface), "interface gone")
    write(f"{USB}/devices/{device}/authorized", "1")
    until(lambda: os.path.exists(interface), "interface there")
    holder = Process([sys.executable, "-c", HOLDER, node_of(device)])
    holder.wait_for("has it", LATER)
    pcscd.popen.send_signal(signal.SIGCONT)
    pcscd.wait_for(rf"is in use by \S+ \(process {holder.pid}\)", LATER, mark)
    machine("insert")
    settle(reader(), empty)
    holder.stop()
    settle(reader(), present)
    machine("remove")
    restored()


def a_reader_that_may_be_suspended_loses_no_movement():
    power = f"{USB}/devices/{usb_device()}/power"
    write(f"{power}/autosuspend_delay_ms", "100")
    write(f"{power}/control", "auto")
    name = reader()
    for _ in range(3):
        time.sleep(0.5)         # nothing tells that it does not happen
        with open(f"{power}/runtime_status", encoding="ascii") as status:
            assert status.read().strip() == "active"
        card_answers(name)
    write(f"{power}/control", "on")


def a_controller_unbound_and_bound_serves_again():
    place = "/sys/bus/pci/drivers/xhci_hcd"
    controller = os.path.basename(glob.glob(f"{place}/0000:*")[0])
    write(f"{place}/unbind", controller)
    no_reader()
    write(f"{place}/bind", controller)
    restored()


def suspended(kind, test):
    """Sleeps and wakes as devices do it; the machine itself stays awake."""
    write("/sys/power/mem_sleep", kind)
    write("/sys/power/pm_test", test)
    with open("/sys/power/state", "w", encoding="ascii") as file:
        file.write("mem")
    write("/sys/power/pm_test", "none")


def a_card_removed_asleep_is_noticed(kind="deep"):
    name = reader()
    machine("insert")
    settle(name, present)
    machine("later", 3, "remove")
    suspended(kind, "devices")
    settle(reader(), empty)
    restored()


def suspend_to_idle_is_survived():
    a_card_removed_asleep_is_noticed("s2idle")


def real_sleep_is_survived():
    write("/sys/power/mem_sleep", "deep")
    write("/sys/class/rtc/rtc0/wakealarm", "+4")
    with open("/sys/power/state", "w", encoding="ascii") as file:
        file.write("mem")
    restored()


def the_reader_works_on_uhci():
    unplug()
    no_reader()
    plug("uhci.0")
    card_answers(reader())
    answers_after_insertion()
    unplug()
    no_reader()


def answers_after_insertion():
    """Sizes around packets, on this controller."""
    machine("insert")
    settle(reader(), present)
    answers_of_whole_packets_come_whole()


# --- our readers over vhci_hcd

def a_reader_of_ours_is_served_over_usbip():
    attached = usbip.Attached(bench, "r0", serial="one")
    name = reader()
    serves(name, "r0")
    attached.unplug()
    no_reader()


def serves(name, which):
    """Insertion, APDUs of many sizes, removal."""
    watch = pcsc.Watch(name, LATER)
    watch.until(empty)
    bench.insert(which, 0, "echo")
    watch.until(present)
    card = client.connect(name)
    for size in (1, 52, 53, 54, 55, 245, 246, 255):
        data = bytes(range(size))
        header = b"\x80\x10\x00\x00" + bytes([size])
        assert card.transmit(header + data + b"\0") == data + b"\x90\x00", size
    card.disconnect()
    bench.remove(which)
    watch.until(empty)


def four_readers_are_served():
    readers = [usbip.Attached(bench, f"r{i}", serial=f"s{i}")
               for i in range(4)]
    names = {re_serial(name): name for name in reader(4)}
    for number in range(4):
        serves(names[f"s{number}"], f"r{number}")
    for one in readers:
        one.unplug()
    no_reader()


def re_serial(name):
    """What stands in parentheses."""
    return name[name.index("(") + 1:name.index(")")]


def readers_pulled_in_the_middle_of_a_transfer_end_it():
    for milliseconds in (0, 1, 5, 20, 100):
        attached = usbip.Attached(bench, "r0")
        name = reader()
        bench.insert("r0", 0, "echo")
        settle(name, present)
        card = client.connect(name)
        timer = threading.Timer(milliseconds / 1000 + 0.05, attached.unplug)
        timer.start()
        started = time.monotonic()
        try:
            card.transmit(WAIT + b"\x27\x10\x0C")
            raise AssertionError("an answer of a reader that is gone")
        except pcsc.Error:
            assert time.monotonic() - started < SOON / 2
        timer.join()
        no_reader()


def nothing_is_left_open():
    base = counts()
    for _ in range(3):
        attached = usbip.Attached(bench, "r0")
        reader()
        attached.unplug()
        no_reader()
    until(lambda: counts() <= base, f"{base} has become {counts()}")


def counts():
    """Threads and open files of pcscd."""
    place = f"/proc/{pcscd.pid}"
    return (len(os.listdir(f"{place}/task")), len(os.listdir(f"{place}/fd")))


CASES = (
    a_reader_of_qemu_on_xhci_serves_cards,
    opensc_tool_and_pcsc_scan_see_it,
    answers_of_whole_packets_come_whole,
    movements_are_all_counted,
    movements_in_a_storm_end_in_the_truth,
    replugged_readers_come_back,
    a_reader_pulled_in_an_apdu_ends_it,
    a_driver_unbound_and_bound_serves_again,
    an_unauthorized_device_comes_back,
    a_reset_by_somebody_else_is_survived,
    a_reader_that_another_program_has_is_used_once_it_is_free,
    a_reader_that_may_be_suspended_loses_no_movement,
    a_controller_unbound_and_bound_serves_again,
    a_card_removed_asleep_is_noticed,
    suspend_to_idle_is_survived,
    real_sleep_is_survived,
    the_reader_works_on_uhci,
    a_reader_of_ours_is_served_over_usbip,
    four_readers_are_served,
    readers_pulled_in_the_middle_of_a_transfer_end_it,
    nothing_is_left_open,
)


def told(mark):
    """What pcscd said, without what it says of its clients."""
    lines = pcscd.text(mark).splitlines()
    return [line for line in lines if "winscard" not in line][-SHOWN:]


def run(number, case):
    """One line; what pcscd said before it, if it failed."""
    mark = pcscd.mark()
    started = time.monotonic()
    text = f"{number} - {case.__name__.replace('_', ' ')}"
    try:
        case()
        assert pcscd.popen.poll() is None, "pcscd has ended"
    except Exception:       # whatever it is, the next case has its turn
        print("# " + traceback.format_exc().replace("\n", "\n# "))
        print("# " + "\n# ".join(told(mark)))
        print(f"not ok {text}", flush=True)
        return 1
    print(f"ok {text} # {time.monotonic() - started:.1f} s", flush=True)
    return 0


def serving():
    """Whether pcscd takes clients: it says that it is ready before that."""
    with socket.socket(socket.AF_UNIX) as knock:
        return knock.connect_ex(lab.SOCKET) == 0


def main():
    """All of them in one pcscd."""
    global pcscd, client, bench
    names = sys.argv[1:]
    cases = [case for case in CASES if not names or case.__name__ in names]
    print(f"1..{len(cases)}", flush=True)
    pcscd = Process(["pcscd", "-f", "-d", "-c", "/dev/null"])
    pcscd.wait_for("daemon ready", LATER)
    until(serving, "pcscd serves nobody")
    client = pcsc.Context()
    os.makedirs("/run/lab")
    bench = lab.Bench("/run/lab")
    failed = sum(run(number, case) for number, case in enumerate(cases, 1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
