# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The drivers as their packages installed them, and pcscd: each reader is served
by the driver that it was made for, and has its card."""

import os
import plistlib
import re

os.environ["LAB_DRIVERS"] = "/mnt"      # those that are installed stay
# pylint: disable=wrong-import-position
import lab
import pcsc
from cases import wait_for_socket
from processes import deadline

DRIVERS = "/usr/lib/pcsc/drivers"
OURS, LOCAL, LIBCCID, ACSCCID = (
    "libccidtrack.so", "libccidtrack-local.so", "libccid.so", "libacsccid.so")
UNKNOWN = (0x1234, 0x5678)
KNOWN = (0x04E6, 0x5116)
IDENTITY = bytes.fromhex("801400000C")


def listed(bundle):
    """The ids in a driver's list."""
    with open(f"{DRIVERS}/{bundle}/Contents/Info.plist", "rb") as file:
        plist = plistlib.load(file)
    return {(int(vid, 16), int(pid, 16)) for vid, pid
            in zip(plist["ifdVendorID"], plist["ifdProductID"])}


def expected():
    """Which module shall serve which ids."""
    ours, usual, other = (listed(f"{bundle}.bundle") for bundle in
                          ("ifd-ccidtrack", "ifd-ccid", "ifd-acsccid"))
    assert KNOWN in ours & usual and not ours & other
    return {KNOWN: OURS, UNKNOWN: LOCAL,
            min(other - usual): ACSCCID,
            min(other & usual): ACSCCID,
            min(ours - usual): OURS,
            **{ids: LIBCCID for ids in sorted(usual - ours - other)[:1]}}


def chosen(pcscd, vid, pid):
    """The module that pcscd starts for such a device."""
    _, _, text = pcscd.text().partition(f"VID: 0x{vid:04X}, PID: 0x{pid:04X}")
    return re.search(r"startup of .* using .*/(\S+\.so)", text)[1]


def main():
    """What is expected is what pcscd does."""
    modules = expected()
    serials = set()
    with lab.Lab() as bench:
        for vid, pid in modules:
            name = f"{vid:04x}:{pid:04x}"
            bench.plug(name, vid=name[:4], pid=name[5:])
            serials.add(int(bench.insert(name)["serial"]))
        said = bench.run(["/usr/libexec/ccidtrack-scan", "--no-restart"])
        assert said.returncode == 0 and "1234:5678" in said.stderr, said
        pcscd = bench.start_pcscd()
        wait_for_socket()
        context = pcsc.Context()
        for reader in context.wait_for_readers(len(modules), 30):
            pcsc.Watch(reader, 30).until(lambda state: state.atr, deadline(30))
            answer = context.connect(reader).transmit(IDENTITY)
            serials.remove(int.from_bytes(answer[:4], "big"))
        for ids, module in modules.items():
            found = chosen(pcscd, *ids)
            print("%04x:%04x is served by %s" % (*ids, found))
            assert found == module, module
        listed_by_tool = bench.readers()
        assert len(listed_by_tool) == len(modules), listed_by_tool
        print("pcsc_scan:", *listed_by_tool, sep="\n  ")


main()
