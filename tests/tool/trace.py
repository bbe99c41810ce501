# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""ccidtrack trace keeps what is a reader's, puts descriptors in front and
leaves no PIN behind."""
import os
import shutil
import struct
import subprocess

from machine import UNKNOWN, Machine, descriptors, main

PIN = b"314159"
VERIFY = b"\x00\x20\x00\x81" + bytes([len(PIN)]) + PIN
SELECT = b"\x00\xA4\x04\x00\x02\x3F\x00"
INTERRUPT, CONTROL, BULK = 1, 2, 3
USB, USB_LONG = 189, 220
SUBMIT, DONE = b"S", b"C"


def packet(kind, transfer, endpoint, data=b"", address=1, long=True,
           setup=None, length=None):
    """A packet as usbmon gives it."""
    head = struct.pack("=Q", 77) + kind + struct.pack(
        "=BBBHbbqiiII8s", transfer, endpoint, address, 1,
        0 if setup else 45, 0, 1700000000, 5, 0,
        len(data) if length is None else length, len(data), setup or b"")
    if long:
        head += struct.pack("=iiII", 0, 0, 0, 0)
    return head + data


def message(body, level=0, kind=0x6F, slot=0, sequence=1):
    """PC_to_RDR_XfrBlock"""
    return struct.pack("<BIBBBH", kind, len(body), slot, sequence, 0,
                       level) + body


def sent(body, **more):
    """... on its way to the reader."""
    return packet(SUBMIT, BULK, 0x01, message(body, **more))


def block(data, pcb=0, crc=False):
    """A block of T=1."""
    raw = bytes([0, pcb, len(data)]) + data
    check = 0
    for byte in raw:
        check ^= byte
    return raw + bytes([check] * (2 if crc else 1))


def pcap(packets, link=USB_LONG, magic=0xA1B2C3D4, order="="):
    """As tcpdump writes it."""
    text = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)
    for raw in packets:
        text += struct.pack(order + "IIII", 1, 2, len(raw), len(raw)) + raw
    return text


def pcapng(packets, link=USB_LONG):
    """As dumpcap writes it, with a block that nobody knows."""
    def one(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack("=I", len(body) + 12)
        return struct.pack("=I", kind) + size + body + size

    text = one(0x0A0D0D0A, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1))
    text += one(1, struct.pack("=HHI", link, 0, 0)) + one(0xBAD, b"xyz")
    for raw in packets:
        text += one(6, struct.pack("=IIIII", 0, 0, 0, len(raw), len(raw)) +
                    raw)
    return text


def converted(machine, capture, code=0):
    """What becomes of it: [(header, data)]."""
    machine.write("/in", capture)
    machine.run("trace", machine.path("/in"), machine.path("/out"), code=code)
    if code:
        return None
    with open(machine.path("/out"), "rb") as file:
        raw = file.read()
    os.unlink(machine.path("/out"))
    found, at = [], 0
    while at < len(raw):
        kind, size = struct.unpack_from("=II", raw, at)
        assert struct.unpack_from("=I", raw, at + size - 4)[0] == size
        if kind == 6:
            length, = struct.unpack_from("=I", raw, at + 20)
            whole = raw[at + 28:at + 28 + length]
            found.append((whole[:64], whole[64:]))
        at += size
    return found


def data_of(machine, *packets):
    """The data of what was sent, behind the descriptors."""
    found = converted(machine, pcap(packets))
    assert all(head[9] == CONTROL for head, _ in found[:4])
    return [data for _, data in found[4:]]


def machine_with_reader():
    """One reader at 1/1."""
    machine = Machine()
    machine.plug()
    return machine


def descriptors_come_first():
    with machine_with_reader() as machine:
        found = converted(machine, pcap([sent(SELECT)]))
        assert [data for _, data in found] == [
            b"", descriptors()[:18], b"", descriptors()[18:],
            message(SELECT)]
        assert found[0][0][40:46] == b"\x80\x06\x00\x01\x00\x00"
        assert found[2][0][40:46] == b"\x80\x06\x00\x02\x00\x00"


def a_capture_that_has_them_gets_no_others():
    with Machine() as machine:
        raw = descriptors()
        capture = pcap([packet(DONE, CONTROL, 0x80, raw[18:]), sent(SELECT)])
        found = converted(machine, capture)
        assert [data for _, data in found] == [raw[18:], message(SELECT)]


def every_kind_of_capture_is_read():
    with machine_with_reader() as machine:
        short = packet(SUBMIT, BULK, 1, message(SELECT), long=False)
        wanted = converted(machine, pcap([sent(SELECT)]))
        for capture in (pcapng([sent(SELECT)]), pcap([short], USB),
                        pcapng([short], USB),
                        pcap([sent(SELECT)], magic=0xA1B23C4D)):
            assert converted(machine, capture) == wanted
        # what comes out can go in again
        machine.write("/in", pcap([sent(SELECT)]))
        machine.run("trace", machine.path("/in"), machine.path("/again"))
        with open(machine.path("/again"), "rb") as file:
            assert converted(machine, file.read()) == wanted


def other_devices_are_left_out():
    with machine_with_reader() as machine:
        machine.plug("1-2", UNKNOWN, hid=True)
        keys = b"\0\0\x04\0\0\0\0\0"
        found = data_of(machine, sent(SELECT),
                        packet(DONE, INTERRUPT, 0x81, keys, address=9),
                        packet(DONE, BULK, 0x82, b"x" * 31, address=9))
        assert found[-1] == message(SELECT) and b"x" * 31 not in found
        # the keyboard in the same device as a reader
        found = converted(machine, pcap([
            packet(DONE, INTERRUPT, 0x84, keys, address=2),
            packet(DONE, INTERRUPT, 0x83, b"\x50\x03", address=2)]))
        assert [data for _, data in found][-1] == b"\x50\x03"
        assert keys not in [data for _, data in found]


def a_pin_is_blanked_at_every_level():
    with machine_with_reader() as machine:
        for body in (VERIFY, VERIFY + b"\0", block(VERIFY),
                     block(VERIFY, 0x40, crc=True), b"\x0C" + VERIFY[1:],
                     b"\x00\x24\x00\x81\x0c" + PIN * 2,
                     b"\x00\x2C\x02\x81\x06" + PIN,
                     b"\x00\x20\x00\x81\x00\x00\x06" + PIN):
            shown, = data_of(machine, sent(body))
            assert PIN not in shown and len(shown) == 10 + len(body)
            assert shown[:14] == message(body)[:14], shown.hex()
            assert set(PIN).isdisjoint(shown[15:]), shown.hex()


def the_checksum_does_not_tell_it_either():
    with machine_with_reader() as machine:
        for crc in (False, True):
            shown, = data_of(machine, sent(block(VERIFY, crc=crc)))
            assert not any(shown[-1 - crc:]), shown.hex()


def what_continues_it_is_blanked():
    header, data = VERIFY[:5], VERIFY[5:]
    with machine_with_reader() as machine:
        for parts in ((sent(header), sent(data)),
                      (sent(header), sent(data[:1]), sent(data[1:])),
                      (sent(block(VERIFY[:7], 0x20)),
                       sent(block(VERIFY[7:], 0x40))),
                      (sent(block(header, 0x20)), sent(block(data, 0x40))),
                      (sent(VERIFY[:7], level=1), sent(VERIFY[7:], level=2)),
                      (sent(VERIFY[:6], level=1), sent(VERIFY[6:8], level=3),
                       sent(VERIFY[8:], level=2)),
                      (sent(b"\x10" + VERIFY[1:4] + b"\3" + PIN[:3]),
                       sent(VERIFY[:4] + b"\3" + PIN[3:]))):
            shown = data_of(machine, *parts, sent(SELECT))
            assert shown[-1] == message(SELECT), shown[-1].hex()
            secrets = b"".join(shown[:-1])
            assert set(PIN).isdisjoint(secrets[15:]), secrets.hex()


def slots_are_told_apart():
    with machine_with_reader() as machine:
        shown = data_of(machine, sent(VERIFY[:5]), sent(SELECT, slot=1),
                        sent(PIN))
        assert shown[1] == message(SELECT, slot=1)
        assert PIN not in shown[2]


def a_message_in_several_transfers_is_blanked():
    whole = message(b"\x00\x20\x00\x81\x00\x01\x00" + PIN * 50)
    with machine_with_reader() as machine:
        shown = data_of(machine, packet(SUBMIT, BULK, 1, whole[:64]),
                        packet(SUBMIT, BULK, 1, whole[64:]), sent(SELECT))
        assert PIN not in shown[0] + shown[1]
        assert shown[2] == message(SELECT)


def iccd_tokens_keep_no_pin():
    with machine_with_reader() as machine:
        setup = struct.pack("<BBHHH", 0x21, 0x65, 0, 0, len(VERIFY))
        shown, = data_of(machine, packet(SUBMIT, CONTROL, 0, VERIFY,
                                         setup=setup))
        assert PIN not in shown and shown[:5] == VERIFY[:5]


def everything_else_stays_as_it_is():
    with machine_with_reader() as machine:
        bodies = (SELECT, block(SELECT), b"", b"\x00\xB0\x00\x00\x10",
                  b"\x80\x20"[:1], block(b"", 0x91), b"\xFF\x11\x18\xF6")
        packets = [sent(body) for body in bodies]
        packets.append(packet(SUBMIT, BULK, 1, message(b"", kind=0x65)))
        packets.append(packet(DONE, BULK, 0x82, message(VERIFY, kind=0x80)))
        shown = data_of(machine, *packets)
        assert shown == [raw[64:] for raw in packets]


def damaged_captures_are_refused_or_survived():
    with machine_with_reader() as machine:
        for good in (pcap([sent(VERIFY)]), pcapng([sent(VERIFY)])):
            for size in range(0, len(good), 3):
                machine.write("/in", good[:size])
                done = subprocess.run(
                    [os.environ["CCIDTRACK"], "trace", machine.path("/in"),
                     machine.path("/out")], check=False, capture_output=True,
                    env={**os.environ, "CCIDTRACK_ROOT": machine.root,
                         "ASAN_OPTIONS": "detect_leaks=0"})
                assert done.returncode in (0, 3), done
                if not done.returncode:
                    os.unlink(machine.path("/out"))
        converted(machine, pcap([], order=">"), code=3)
        assert "byte order" in machine.said
        converted(machine, pcap([b"x" * 80], link=1), code=3)
        converted(machine, b"nothing of the kind, not even long enough", 3)


def nothing_is_overwritten_and_others_may_not_read():
    with machine_with_reader() as machine:
        machine.write("/in", pcap([sent(SELECT)]))
        words = ("trace", machine.path("/in"), machine.path("/out"))
        machine.run(*words)
        assert os.stat(machine.path("/out")).st_mode & 0o777 == 0o600
        machine.run(*words, code=3)
        assert "exists" in machine.said
        machine.run("trace", machine.path("/in"), code=2)


def a_capture_without_readers_is_told():
    with Machine() as machine:
        converted(machine, pcap([sent(SELECT)]), code=1)


def wireshark_decodes_it():
    if not shutil.which("tshark"):
        print("# tshark is not installed: not seen by it")
        return
    with machine_with_reader() as machine:
        machine.write("/in", pcap([sent(SELECT), sent(VERIFY)]))
        machine.run("trace", machine.path("/in"), machine.path("/out"))
        shown = subprocess.run(
            ["tshark", "-r", machine.path("/out"), "-T", "fields", "-e",
             "_ws.col.Protocol", "-e", "usbccid.bMessageType"],
            check=True, text=True, capture_output=True).stdout
        assert shown.count("USBCCID") == 2, shown
        assert shown.count("0x6f") == 2, shown


if __name__ == "__main__":
    main(*(case for name, case in list(globals().items())
           if callable(case) and case.__module__ == "__main__"
           and name not in ("packet", "message", "sent", "block", "pcap",
                            "pcapng", "converted", "data_of",
                            "machine_with_reader")))
