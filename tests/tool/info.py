# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""ccidtrack info and list tell what a reader is, attached or saved."""
import json
import os
import re

from machine import (CLASS_DESCRIPTOR, PCSCD, READER, UNKNOWN, Machine,
                     descriptors, main)

# As lsusb 014 prints it
LSUSB = """
Bus 001 Device 004: ID 04e6:5116 SCM
    Interface Descriptor:
      bLength                 9
      bInterfaceClass        11 Chip/SmartCard
      ChipCard Interface Descriptor:
        bLength                54
        bDescriptorType        33
        bcdCCID              1.10  (Warning: Only accurate for version 1.0)
        nMaxSlotIndex           0
        bVoltageSupport         7  5.0V 3.0V 1.8V
        dwProtocols             3  T=0 T=1
        dwDefaultClock       4000
        dwMaxiumumClock      8000
        bNumClockSupported      2
        dwDataRate          10752 bps
        dwMaxDataRate      347680 bps
        bNumDataRatesSupp.     53
        dwMaxIFSD             254
        dwSyncProtocols  00000007  2-wire 3-wire I2C
        dwMechanical     00000001  accept
        dwFeatures       000204BA
          Auto configuration based on ATR
        dwMaxCCIDMsgLen       271
        bClassGetResponse    echo
        bClassEnvelope         00
        wlcdLayout           16 cols 2 lines
        bPINSupport             3  verification modification
        bMaxCCIDBusySlots       1
      Endpoint Descriptor:
        bLength                 7
"""


def xxd(raw):
    """As xxd prints it."""
    lines = []
    for at in range(0, len(raw), 16):
        row = raw[at:at + 16]
        pairs = " ".join(row[i:i + 2].hex() for i in range(0, len(row), 2))
        text = "".join(chr(c) if 32 <= c < 127 else "." for c in row)
        lines.append(f"{at:08x}: {pairs:<39}  {text}\n")
    return "".join(lines)


def hexdump(raw):
    """As hexdump -C prints it."""
    lines = []
    for at in range(0, len(raw), 16):
        row = raw[at:at + 16]
        halves = "  ".join(" ".join(f"{c:02x}" for c in half)
                           for half in (row[:8], row[8:]))
        text = "".join(chr(c) if 32 <= c < 127 else "." for c in row)
        lines.append(f"{at:08x}  {halves:<48}  |{text}|\n")
    return "".join(lines) + f"{len(raw):08x}\n"


def saved(machine, data):
    """What info tells of a file with that in it."""
    machine.write("/saved", data)
    found = json.loads(machine.run("info", "--json", machine.path("/saved")))
    assert len(found) == 1, found
    return found[0]


def attached_readers_are_described():
    with Machine() as machine:
        machine.plug()
        machine.plug("1-2", UNKNOWN, interrupt=False)
        first, second = json.loads(machine.run("info", "--json"))
        assert first["ids"] == "04e6:5116" and second["ids"] == "1234:5678"
        assert first["movements"] == "told by the reader"
        assert second["movements"] == "have to be asked for"
        assert first["slots"] == 1 and first["max_ifsd"] == 254
        assert first["protocols"] == ["T=0", "T=1"]
        assert first["voltages"] == ["5 V", "3 V", "1.8 V"]
        assert first["level"] == "short APDU"
        assert first["pin"] == ["verifies a PIN", "changes a PIN"]
        assert first["max_rate"] == 347680 and first["default_clock"] == 4000
        assert "does the PPS" in first["features"]
        assert first["descriptor"] == CLASS_DESCRIPTOR.hex()


def text_says_the_same_and_fits_a_terminal():
    with Machine() as machine:
        machine.plug()
        text = machine.run("info")
        for words in ("1, 1 at the same time", "T=0, T=1", "short APDU",
                      "4000 kHz, at most 8000 kHz", "2 lines of 16"):
            assert words in text, text
        assert max(map(len, text.splitlines())) < 80, text
        assert all(line == line.rstrip() for line in text.splitlines()), text
        assert "\x1b" not in text


def one_reader_is_chosen_by_any_of_its_names():
    with Machine() as machine:
        machine.plug("1-1.4", READER)
        machine.plug("1-2", UNKNOWN)
        for word in ("1-2", "1234:5678", "001:002", "/dev/bus/usb/001/002"):
            for command in ("info", "list"):
                found = json.loads(machine.run(command, "--json", word))
                assert [row["ids"] for row in found] == ["1234:5678"], word


def nothing_attached_is_told_by_the_exit_code():
    with Machine() as machine:
        assert "No smart card reader" in machine.run("info", code=1)
        assert "No smart card reader" in machine.run("list", code=1)
        assert json.loads(machine.run("list", "--json", code=1)) == []


def a_reader_that_is_not_there_is_told():
    with Machine() as machine:
        machine.plug("1-2", UNKNOWN)
        text = machine.run("list", "1-2", "1-3", code=1)
        assert "1234:5678" in text, text
        assert "1-3: no such reader" in machine.said, machine.said
        assert "1-2:" not in machine.said, machine.said


def output_that_is_lost_is_told():
    with Machine() as machine:
        machine.plug()
        machine.wrapper = ("sh", "-c", '"$@" >/dev/full', "sh")
        for words in (["list"], ["info", "--json"], ["check"], ["--help"],
                      ["list", "--help"], ["scan", "--print"]):
            machine.run(*words, code=3)
            assert "cannot be written" in machine.said, machine.said


def what_is_asked_for_wrongly_is_told():
    with Machine() as machine:
        for words, told in ((["watch", "--seconds"], "a value is missing"),
                            (["watch", "--seconds=x"], "no number"),
                            (["list", "--color"], "a value is missing"),
                            (["list", "--jason"], "unknown option: --jason"),
                            (["check", "x"], "takes no arguments"),
                            (["scan", "--policy=x"], "neither unknown, all")):
            machine.run(*words, code=2)
            assert told in machine.said, machine.said
            assert f"Try ccidtrack {words[0]} --help." in machine.said


def every_form_of_saved_descriptors_tells_the_same():
    whole = descriptors()
    with Machine() as machine:
        device = saved(machine, whole)
        assert device["ids"] == "04e6:5116"
        for text in (xxd(whole), hexdump(whole), whole.hex(),
                     whole.hex(" "), whole.hex(":").upper(),
                     ", ".join(f"0x{c:02X}" for c in whole)):
            assert saved(machine, text) == device, text
        bare = saved(machine, CLASS_DESCRIPTOR)
        assert "ids" not in bare and bare["slots"] == 1
        assert saved(machine, CLASS_DESCRIPTOR.hex()) == bare
        assert saved(machine, LSUSB) == bare
        configuration = saved(machine, whole[18:])
        assert configuration["descriptor"] == bare["descriptor"]


def a_composite_device_shows_its_reader_alone():
    with Machine() as machine:
        found = saved(machine, descriptors(hid=True))
        assert found["interface"] == 1 and found["class"] == 0x0B


def what_holds_no_descriptors_is_refused():
    with Machine() as machine:
        for data in ("", "no descriptors\n", "12 34\n", b"\x12\x01",
                     CLASS_DESCRIPTOR[:53], "36 21 1", b"\0" * 2000000):
            machine.write("/saved", data)
            machine.run("info", machine.path("/saved"), code=3)
            assert "no descriptors" in machine.said, machine.said
        machine.run("info", machine.path("/missing"), code=3)
        machine.run("info", "missing", code=1)
        assert "missing: no such reader" in machine.said, machine.said


def a_descriptor_that_nothing_fits_is_told():
    with Machine() as machine:
        damaged = CLASS_DESCRIPTOR[:44] + b"\5\0\0\0" + CLASS_DESCRIPTOR[48:]
        assert "lengths" in saved(machine, damaged)["refused"]


def what_the_driver_knows_of_a_reader_is_told():
    with Machine() as machine:
        found = saved(machine, descriptors((0x072F, 0x2200), version=0x0204))
        assert len(found["quirks"]) == 2 and "update" in found["firmware"]
        assert saved(machine, descriptors())["quirks"] == []


def list_tells_who_gets_it_and_who_holds_it():
    with Machine() as machine:
        machine.plug("1-1", READER)
        machine.plug("1-2", UNKNOWN, driver="pn533_usb")
        machine.hold(PCSCD)
        first, second = json.loads(machine.run("list", "--json"))
        assert first["rule"] == "static" and first["clear"]
        assert first["holders"] == [{"name": "pcscd", "pid": PCSCD}]
        assert first["pcscd_may_open"] and second["rule"] == "unlisted"
        assert second["kernel_driver"] == "pn533_usb"
        text = machine.run("list")
        assert f"pcscd ({PCSCD})" in text and "pn533_usb" in text, text
        machine.run("scan")
        assert json.loads(machine.run("list", "--json"))[1]["rule"] == "local"


def colours_are_for_terminals():
    with Machine() as machine:
        machine.plug()
        assert "\x1b[" not in machine.run("list")
        assert "\x1b[" in machine.run("list", "--color=always")
        assert "\x1b[" not in machine.run("list", "--color", "never")
        machine.run("list", "--color=perhaps", code=2)


def on_a_terminal(machine, *words, **environment):
    """What a command writes to a pseudo-terminal."""
    main_end, terminal = os.openpty()
    pid = os.fork()
    if not pid:
        os.environ.update(CCIDTRACK_ROOT=machine.root, TERM="xterm",
                          ASAN_OPTIONS="detect_leaks=0", **environment)
        os.dup2(terminal, 1)
        os.execv(os.environ.get("CCIDTRACK", "./ccidtrack"),
                 ["ccidtrack", *words])
    os.close(terminal)
    text = b""
    while True:
        try:
            more = os.read(main_end, 4096)
        except OSError:
            break
        if not more:
            break
        text += more
    os.close(main_end)
    os.waitpid(pid, 0)
    return text.decode()


def a_terminal_gets_colours_unless_no_color_is_set():
    with Machine() as machine:
        machine.plug()
        assert "\x1b[1m" in on_a_terminal(machine, "info")
        assert "\x1b" not in on_a_terminal(machine, "info", NO_COLOR="1")


def what_a_device_calls_itself_reaches_no_terminal():
    with Machine() as machine:
        machine.plug(product="\x1b]0;evil\x07\x1b[2J")
        text = machine.run("list") + machine.run("info") + machine.run("check")
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)


if __name__ == "__main__":
    main(*(case for name, case in list(globals().items())
           if callable(case) and case.__module__ == "__main__"
           and name not in ("xxd", "hexdump", "saved", "on_a_terminal")))
