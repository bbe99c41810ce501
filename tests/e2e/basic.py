# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""What people do with readers and cards, under real pcscd: basic.py [--long]"""
import os
import re
import shutil
import time

import cases
from cases import Lab, deadline, lab, options, wait_for_socket
import pcsc
from pcsc import Context, Watch

READER = "virtual reader 00 00"
SECOND = "virtual reader 01 00"
IDENTITY = bytes.fromhex("801400000C")
APDU = r"Received \(SW1=0x90, SW2=0x00\)"

# An event of pcscd reaches its client within this many seconds.
SOON = 1
IDLE, LONG_IDLE = 5, 60
SETTLE = 0.1

# A reader is asked at most eight times a second for long, and about each slot
# with two movements within half a second once.
QUESTIONS = 8

cases.parser.add_argument("--long", action="store_true",
                          help=f"be idle for {LONG_IDLE} seconds")


def spaced(text):
    """Hexadecimal digits as pcsc_scan writes them."""
    return " ".join(re.findall("..", text.upper()))


def hexadecimal(output):
    """The bytes that opensc-tool -s shows behind the status word."""
    shown = output[re.search(APDU, output).end():]
    rows = re.findall(r"^((?:[0-9A-F]{2} )+)", shown, re.MULTILINE)
    return bytes.fromhex("".join(rows))


def opensc(bench, *arguments):
    """opensc-tool's output; it must succeed."""
    done = bench.run(["opensc-tool", *arguments])
    assert done.returncode == 0, done
    return done.stdout


def serial_of(card):
    """The number of the card that answers."""
    answer = card.transmit(IDENTITY)
    assert answer[-2:] == b"\x90\x00", answer.hex()
    return int.from_bytes(answer[:4], "big")


def loaded(bench, module):
    """Whether pcscd has the module in its memory."""
    with open(f"/proc/{bench.pcscd.pid}/maps", encoding="ascii") as maps:
        return module in maps.read()


def see_card(watch):
    """Waits until a card is told; its ATR."""
    return watch.until(lambda state: state.present and state.atr,
                       deadline(SOON)).atr


def see_no_card(watch):
    """Waits until the slot is told to be empty."""
    watch.until(lambda state: state.empty, deadline(SOON))


def check_card(bench, watch, name, slot=0):
    """A card put in is seen, answers, and is seen to leave."""
    card = bench.insert(name, slot)
    assert see_card(watch).hex() == card["atr"], watch.state
    handle = watch.context.connect(watch.reader)
    assert serial_of(handle) == int(card["serial"])
    bench.remove(name, slot)
    see_no_card(watch)
    handle.disconnect()


def a_reader_is_listed():
    with Lab() as bench:
        bench.plug("r", interface_text="Contact", serial="0815")
        bench.start_pcscd()
        name = "virtual reader [Contact] (0815) 00 00"
        assert bench.readers() == [name]
        assert re.search(rf"^0 +No +{re.escape(name)}$",
                         opensc(bench, "--list-readers"), re.MULTILINE)
        bench.insert("r")
        Watch(name).until(lambda state: state.present)
        assert re.search(rf"^0 +Yes +{re.escape(name)}$",
                         opensc(bench, "--list-readers"), re.MULTILINE)


def a_card_that_is_in_at_the_start_is_known():
    with Lab() as bench:
        bench.plug("r")
        card = bench.insert("r")
        bench.start_pcscd()
        watch = Watch(READER)
        assert watch.state.present and watch.state.count == 0, watch.state
        assert watch.state.atr.hex() == card["atr"]
        bench.remove("r")
        see_no_card(watch)
        card = bench.insert("r")
        assert see_card(watch).hex() == card["atr"]


def pcsc_scan_sees_insertion_removal_and_swap_in_order():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        scan = bench.start(["pcsc_scan", "-n"])
        scan.wait_for("Card removed")
        moves = [
            (bench.insert, 1, "Card inserted"),
            (bench.remove, 2, "Card removed"),
            (bench.insert, 3, "Card inserted"),
            (bench.swap, 5, "Card inserted"),
            (bench.remove, 6, "Card removed"),
        ]
        for move, count, state in moves:
            mark = scan.mark()
            card = move("r")
            scan.wait_for(f"Event number: {count}$", SOON, mark)
            scan.wait_for(f"Card state: {state}", SOON, mark)
            if state == "Card inserted":
                scan.wait_for(f"ATR: {spaced(card['atr'])}", SOON, mark)
        counts = re.findall(r"Event number: (\d+)", scan.text())
        assert counts == sorted(counts), counts


def opensc_tool_reads_the_atr():
    with Lab() as bench:
        bench.plug("r")
        card = bench.insert("r", 0, "echo-both")
        bench.start_pcscd()
        atr = opensc(bench, "--atr").strip().replace(":", "")
        assert atr == card["atr"]


def opensc_tool_sends_short_apdus():
    with Lab() as bench:
        bench.plug("r")
        bench.insert("r")
        bench.start_pcscd()
        sent = opensc(bench, "-s", "00A40400", "-s", "00B0000410",
                      "-s", "8010000003112233", "-s", "801000000311223300")
        assert len(re.findall(APDU, sent)) == 4, sent
        _, _, second, third, fourth = re.split("^Sending:", sent,
                                               flags=re.MULTILINE)
        assert hexadecimal(second) == bytes(range(4, 20))
        assert hexadecimal(third) == b""
        assert hexadecimal(fourth) == bytes.fromhex("112233")
        longest = bytes(range(255))
        sent = opensc(bench, "-s", "80100000FF" + longest.hex() + "00")
        assert hexadecimal(sent) == longest


def opensc_tool_sends_extended_apdus():
    with Lab() as bench:
        bench.plug("r", message_size=512)
        bench.insert("r")
        bench.start_pcscd()
        data = bytes(i * 7 & 0xFF for i in range(2000))
        # npa is a card driver of opensc's that lets extended APDUs through
        sent = opensc(bench, "-c", "npa",
                      "-s", "80100000" + "0007D0" + data.hex() + "07D0")
        assert hexadecimal(sent) == data
        sent = opensc(bench, "-c", "npa", "-s", "00B00000" + "000000")
        assert hexadecimal(sent) == bytes(i & 0xFF for i in range(65536))


def a_reader_is_unplugged_and_comes_back():
    with Lab() as bench:
        bench.start_pcscd()
        context = Context()
        for _ in range(3):
            bench.plug("r")
            assert context.wait_for_readers(1) == [READER]
            watch = Watch(READER)
            check_card(bench, watch, "r")
            bench.insert("r")
            see_card(watch)
            bench.unplug("r")
            context.wait_for_readers(0)
            watch.close()


def two_readers_work_and_one_goes():
    with Lab() as bench:
        bench.plug("a")
        bench.plug("b")
        bench.start_pcscd()
        context = Context()
        assert context.readers() == [READER, SECOND]
        first, second = Watch(READER), Watch(SECOND)
        check_card(bench, first, "a")
        check_card(bench, second, "b")
        kept = bench.insert("b")
        see_card(second)
        card = context.connect(SECOND)
        bench.unplug("a")
        assert context.wait_for_readers(1) == [SECOND]
        assert serial_of(card) == int(kept["serial"])
        bench.plug("c")
        assert context.wait_for_readers(2) == [READER, SECOND]
        check_card(bench, Watch(READER), "c")


def check_slots(slots):
    """Every slot of such a reader sees its own cards and no others."""
    with Lab() as bench:
        bench.plug("r", slots=slots)
        bench.start_pcscd()
        names = [f"virtual reader 00 {slot:02X}" for slot in range(slots)]
        assert Context().readers() == names
        watches = [Watch(name) for name in names]
        for slot, watch in enumerate(watches):
            check_card(bench, watch, "r", slot)
        limit = deadline(SOON + slots / QUESTIONS)
        inserted = [bench.insert("r", slot) for slot in range(slots)]
        for card, watch in zip(inserted, watches):
            # pcscd shows a card before it counts it
            state = watch.until(lambda state: state.count == 3, limit)
            assert state.present and state.atr.hex() == card["atr"], state
            handle = watch.context.connect(watch.reader)
            assert serial_of(handle) == int(card["serial"])
        swapped = [bench.swap("r", slot) for slot in range(slots)]
        for card, watch in zip(swapped, watches):
            state = watch.until(lambda state: state.count == 5, limit)
            assert state.atr.hex() == card["atr"], state


def two_slots_each_have_their_cards():
    check_slots(2)


def eight_slots_each_have_their_cards():
    check_slots(8)


def sixteen_slots_each_have_their_cards():
    check_slots(16)


def a_reader_without_an_interrupt_endpoint_sees_cards():
    with Lab() as bench:
        bench.plug("r", interrupt=False)
        bench.start_pcscd()
        watch = Watch(READER)
        for _ in range(3):
            check_card(bench, watch, "r")
        assert watch.state.count == 6


def another_interface_of_the_device_is_quietly_left_alone():
    with Lab(lab.LIBCCID) as bench:
        bench.plug("r", hid=True)
        pcscd = bench.start_pcscd()
        assert Context().readers() == [READER]
        assert pcscd.find("not a smart card reader's interface")
        text = pcscd.text()
        assert not re.search(r"using .*libccid\.so", text), text
        assert not loaded(bench, "libccid.so")
        assert "cannot be opened" not in text, text
        check_card(bench, Watch(READER), "r")


def beside_libccid_ours_serves():
    with Lab(lab.LIBCCID) as bench:
        bench.plug("r")
        bench.start_pcscd()
        check_card(bench, Watch(READER), "r")
        assert loaded(bench, "libccidtrack.so")
        assert not loaded(bench, "libccid.so")


def what_we_cannot_serve_is_left_to_libccid():
    with Lab(lab.LIBCCID) as bench:
        bench.plug("r", level="tpdu", slots=2)
        # whatever it is that fails, it fails for the first driver only
        bench.fault("r", "fail", command="status", count=3, value=0)
        pcscd = bench.start_pcscd()
        pcscd.wait_for("does not tell its status")
        pcscd.wait_for(r"using .*libccid\.so")
        assert Context().wait_for_readers(2)
        assert loaded(bench, "libccid.so")


def two_drivers_serve_a_reader_each():
    ids = {(0x04E6, 0x5116): "ours", (0x04E6, 0x5117): "theirs"}
    with Lab(lab.LIBCCID, ids=ids) as bench:
        bench.plug("b", pid="5117")
        bench.fault("b", "fail", command="status", count=3, value=0)
        bench.plug("a")
        bench.start_pcscd()
        names = Context().wait_for_readers(2)
        assert sorted(names) == ["ours 00 00", "theirs 00 00"], names
        assert loaded(bench, "libccidtrack.so")
        assert loaded(bench, "libccid.so")
        check_card(bench, Watch("ours 00 00"), "a")
        check_card(bench, Watch("theirs 00 00"), "b")
        bench.unplug("a")
        check_card(bench, Watch("theirs 00 00"), "b")


DEVICE_NAMES = (
    "usb:04e6/5101:libudev:0:/dev/bus/usb/001/021",
    "usb:04e6/5102:libusb-1.0:1:22:0",
    "usb:04e6/5103:libhal:/org/freedesktop/Hal/devices/"
    "usb_device_04e6_5103_serialnotneeded_if0",
    "usb:04e6/5104:libusb:001:024",
    "usb:04e6/5105:libusb:001/025",
    "usb:04e6/5106",
    "usb:04E6/5107:of.the.future:1:2:3",
)
REFUSED_NAMES = (
    "usb:04e6/5111:libudev:0:/dev/bus/usb/001/022",
    "usb:04e6/5112",
    "usb:04e6:5101",
    "/dev/null",
)


def start_configured(bench, names):
    """Starts pcscd with readers by device name: no hotplug has a part in it."""
    module = f"{options.bundle}/Contents/Linux/libccidtrack.so"
    shutil.copy(module, f"{lab.WORK}/libccidtrack.so")
    path = f"{lab.WORK}/reader.conf"
    with open(path, "w", encoding="ascii") as file:
        for number, name in enumerate(names):
            print(f'FRIENDLYNAME "reader {number}"', f"DEVICENAME {name}",
                  f"LIBPATH {lab.WORK}/libccidtrack.so", "", sep="\n",
                  file=file)
    bench.pcscd = bench.daemon = lab.Process(
        lab.pcscd_command("-d", readers=path), bench.environment(), "pcscd")
    wait_for_socket()


def every_form_of_device_name_opens_its_reader():
    with Lab(ids={(1, 1): "none of these"}) as bench:
        for number, _ in enumerate(DEVICE_NAMES, 1):
            bench.plug(f"r{number}", pid=f"510{number}", addr=20 + number)
        start_configured(bench, DEVICE_NAMES)
        names = Context().readers()
        assert len(names) == len(DEVICE_NAMES), names
        for number, name in enumerate(names, 1):
            check_card(bench, Watch(name), f"r{number}")


def wrong_device_names_open_nothing():
    with Lab(ids={(1, 1): "none of these"}) as bench:
        bench.plug("r1", pid="5101", addr=21)
        bench.plug("r2", pid="5102", addr=22)
        bench.plug("r3", pid="5103", addr=23)
        names = (*REFUSED_NAMES, "usb:04e6/5103")
        start_configured(bench, names)
        opened = Context().readers()
        assert len(opened) == 1, opened
        check_card(bench, Watch(opened[0]), "r3")
        assert "claims" not in bench.stats("r2")


def attributes_tell_atr_and_presence():
    with Lab() as bench:
        bench.plug("r")
        card = bench.insert("r")
        bench.start_pcscd()
        context = Context()
        handle = context.connect(READER)
        assert handle.attribute(pcsc.ATTR_ATR).hex() == card["atr"]
        assert handle.attribute(pcsc.ATTR_PRESENCE) == b"\x02"
        assert handle.attribute(pcsc.ATTR_STATUS) == b"\x01"
        handle.disconnect()
        watch = Watch(READER)
        bench.remove("r")
        see_no_card(watch)
        handle = context.connect(READER, pcsc.DIRECT, 0)
        assert handle.attribute(pcsc.ATTR_PRESENCE) == b"\x00"


def pcscd_ends_at_once_with_all_waits_pending():
    with Lab() as bench:
        bench.plug("a", slots=4)
        bench.plug("b", interrupt=False)
        for slot in range(3):
            bench.insert("a", slot)
        bench.insert("b")
        bench.start_pcscd()
        context = Context()
        assert len(context.readers()) == 5
        held = context.connect(READER)
        assert serial_of(held) == 1
        bench.wait("a", "armed")
        took = bench.end_pcscd()
        print(f"{took * 1000:.0f} ms")
        assert took < deadline(1), took
        assert bench.state("a")["claimed"] == "0"
        assert bench.state("b")["claimed"] == "0"


def switches(pid):
    """Voluntary context switches of every thread of the process."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        path = f"/proc/{pid}/task/{thread}/status"
        with open(path, encoding="ascii") as file:
            found[thread] = re.search(r"^voluntary_ctxt_switches:\s*(\d+)",
                                      file.read(), re.MULTILINE)[1]
    return found


def wait_until_asleep(pid):
    """All threads of the process have gone to sleep."""
    end = time.monotonic() + deadline(SOON)
    while True:
        before = switches(pid)
        time.sleep(SETTLE)
        if switches(pid) == before:
            return
        assert time.monotonic() < end, "does not come to rest"


def check_idle(bench, seconds):
    """No thread of pcscd, ours or its own, wakes up; no urb comes."""
    wait_until_asleep(bench.pcscd.pid)
    before, urbs = switches(bench.pcscd.pid), bench.stats("r")
    time.sleep(seconds)         # this is what is measured
    after, urbs_after = switches(bench.pcscd.pid), bench.stats("r")
    assert urbs == urbs_after, (urbs, urbs_after)
    assert before == after, (before, after)


def nothing_happens_while_nothing_moves():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = Watch(READER)
        bench.insert("r")
        see_card(watch)
        # pcscd powers a card that nobody uses off after five seconds
        bench.wait("r", "c63>=1")
        check_idle(bench, LONG_IDLE if options.long else IDLE)
        bench.remove("r")
        see_no_card(watch)
        bench.insert("r")
        watch.until(lambda state: state.count == 3, deadline(SOON))


if __name__ == "__main__":
    cases.main(
        # the one that takes longest, so that others run beside it
        nothing_happens_while_nothing_moves,
        a_reader_is_listed,
        a_card_that_is_in_at_the_start_is_known,
        pcsc_scan_sees_insertion_removal_and_swap_in_order,
        opensc_tool_reads_the_atr,
        opensc_tool_sends_short_apdus,
        opensc_tool_sends_extended_apdus,
        a_reader_is_unplugged_and_comes_back,
        two_readers_work_and_one_goes,
        two_slots_each_have_their_cards,
        eight_slots_each_have_their_cards,
        sixteen_slots_each_have_their_cards,
        a_reader_without_an_interrupt_endpoint_sees_cards,
        another_interface_of_the_device_is_quietly_left_alone,
        beside_libccid_ours_serves,
        what_we_cannot_serve_is_left_to_libccid,
        two_drivers_serve_a_reader_each,
        every_form_of_device_name_opens_its_reader,
        wrong_device_names_open_nothing,
        attributes_tell_atr_and_presence,
        pcscd_ends_at_once_with_all_waits_pending,
    )
