# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""ccidtrack scan writes a list that pcscd can read, and leaves others' alone."""
import os
import plistlib
import stat
import subprocess
import threading

from machine import (DRIVERS, LOCAL_LIST, OURS, PCSCD, READER, SCANNER,
                     UNKNOWN, Machine, main)

OTHER = (0x1234, 0x9ABC)
PLACE, NAME = os.path.split(LOCAL_LIST)
THEIRS = (0x0C4B, 0x0500)
CLIENT = "0000: 00000003 00000000 00000000 0001 03 77 /run/pcscd/pcscd.comm\n"
LISTENER = "0000: 00000002 00000000 00010000 0001 01 76 /run/pcscd/pcscd.comm\n"


def listed(machine):
    """The local list: {(vid, pid): name}."""
    with open(machine.path(LOCAL_LIST), "rb") as file:
        found = plistlib.load(file)
    ids = zip(found["ifdVendorID"], found["ifdProductID"])
    assert len(found["ifdVendorID"]) == len(found["ifdFriendlyName"])
    assert len(found["ifdProductID"]) == len(found["ifdFriendlyName"])
    return {(int(vid, 16), int(pid, 16)): name
            for (vid, pid), name in zip(ids, found["ifdFriendlyName"])}


def with_systemd(machine, code=0):
    """A machine with systemd; the PATH with its systemctl, which says to
    /calls what it was told."""
    os.makedirs(machine.path("/run/systemd/system"))
    machine.program("/bin/systemctl",
                    f"echo $* >> {machine.path('/calls')}; exit {code}")
    return f"{machine.path('/bin')}:{os.environ['PATH']}"


def calls(machine):
    """What systemctl was told."""
    try:
        return machine.read("/calls").splitlines()
    except FileNotFoundError:
        return []


def an_unlisted_reader_is_added():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN)
        machine.run("scan")
        assert listed(machine) == {UNKNOWN: "Maker Test Reader"}
        assert "(1234:5678) is new" in machine.said, machine.said
        assert "unlisted" not in machine.faults()


def a_listed_reader_is_left_alone():
    with Machine() as machine:
        machine.bundle("ifd-ccid.bundle", "libccid.so", "CCIDCLASSDRIVER",
                       {THEIRS: "theirs"})
        machine.plug("1-1", READER)
        machine.plug("1-2", THEIRS)
        machine.run("scan")
        assert listed(machine) == {}


def all_takes_what_others_list_but_not_our_own():
    with Machine() as machine:
        machine.bundle("ifd-ccid.bundle", "libccid.so", "CCIDCLASSDRIVER",
                       {THEIRS: "theirs"})
        machine.plug("1-1", READER)
        machine.plug("1-2", THEIRS)
        machine.run("scan", "--policy=all")
        assert list(listed(machine)) == [THEIRS]
        assert machine.faults() == []
        machine.run("scan")
        assert listed(machine) == {}


def the_environment_sets_the_policy():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN)
        machine.run("scan", CCIDTRACK_SCAN_POLICY="none")
        assert listed(machine) == {}
        machine.run("scan", "--policy", "unknown",
                    CCIDTRACK_SCAN_POLICY="none")
        assert list(listed(machine)) == [UNKNOWN]
        machine.run("scan", CCIDTRACK_SCAN_POLICY="some", code=2)


def what_is_unplugged_stays_known():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN)
        machine.run("scan")
        machine.remove("/sys/bus/usb/devices/1-1")
        machine.plug("1-2", OTHER)
        machine.run("scan")
        assert sorted(listed(machine)) == [UNKNOWN, OTHER]


def a_driver_installed_later_gets_its_reader_back():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN)
        machine.run("scan")
        machine.bundle("ifd-theirs.bundle", "theirs.so", "theirs",
                       {UNKNOWN: "theirs"})
        machine.run("scan")
        assert listed(machine) == {}


def a_driver_without_its_module_claims_nothing():
    with Machine() as machine:
        machine.bundle("ifd-theirs.bundle", "theirs.so", "theirs",
                       {UNKNOWN: "theirs"})
        machine.remove(f"{DRIVERS}/ifd-theirs.bundle/Contents/Linux/theirs.so")
        machine.plug("1-1", UNKNOWN)
        machine.run("scan")
        assert list(listed(machine)) == [UNKNOWN]


def nothing_is_written_twice():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN)
        machine.run("scan")
        before = os.stat(machine.path(LOCAL_LIST))
        machine.run("scan")
        after = os.stat(machine.path(LOCAL_LIST))
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino,
                                                       after.st_mtime_ns)
        assert machine.said == ""


def the_directory_is_made_and_others_may_read():
    with Machine() as machine:
        machine.remove(PLACE)
        mask = os.umask(0o077)
        machine.run("scan")
        os.umask(mask)
        assert listed(machine) == {}
        mode = stat.S_IMODE(os.stat(machine.path(LOCAL_LIST)).st_mode)
        assert mode == 0o644, oct(mode)
        mode = stat.S_IMODE(os.stat(machine.path(PLACE)).st_mode)
        assert mode == 0o755, oct(mode)
        assert os.listdir(machine.path(PLACE)) == [NAME]


def whatever_a_device_calls_itself_is_harmless():
    names = ("</string>", "a<b>c", "# hidden", "&amp;", "R&D", "", "   ",
             "\x1b[31mred", "\"quoted\"", "x" * 500, "na\u00efve", "\u202e")
    with Machine() as machine:
        for number, name in enumerate(names):
            machine.plug(f"1-{number}", (0x1234, number + 1), product=name,
                         maker="")
        machine.run("scan")
        found = listed(machine)
        assert len(found) == len(names)
        for name in found.values():
            assert name.isascii() and name.isprintable(), name
            assert 0 < len(name) < 100 and not set(name) & set("<>#"), name
        assert found[(0x1234, 5)] == "R&D", found
        assert machine.faults() == []


def two_interfaces_and_two_devices_of_one_id_are_one_row():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN, hid=True)
        machine.plug("1-2", UNKNOWN)
        machine.run("scan")
        assert list(listed(machine)) == [UNKNOWN]


def a_vendors_own_class_counts_only_with_a_descriptor():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN, interface_class=0xFF)
        place = machine.plug("1-2", OTHER, interface_class=0xFF)
        raw = machine.path(f"{place}/descriptors")
        with open(raw, "r+b") as file:
            data = file.read().replace(b"\x36\x21", b"\x36\x24")
            file.seek(0)
            file.write(data)
        machine.run("scan")
        assert list(listed(machine)) == [UNKNOWN]


def damaged_descriptors_are_survived():
    with Machine() as machine:
        place = machine.plug("1-1", UNKNOWN)
        path = f"{place}/descriptors"
        with open(machine.path(path), "rb") as file:
            good = file.read()
        for size in range(len(good)):
            machine.write(path, good[:size])
            machine.run("list", code=int(size < 36))
        for at in range(len(good)):
            damaged = bytearray(good)
            damaged[at] ^= 0xFF
            machine.write(path, bytes(damaged))
            machine.run("scan", "--print")


def a_broken_local_list_is_replaced():
    with Machine() as machine:
        machine.write(LOCAL_LIST, "<key>ifdVendorID</key>\n<string>1</string>")
        machine.plug("1-1", UNKNOWN)
        machine.run("scan")
        assert list(listed(machine)) == [UNKNOWN]


def the_options_of_our_own_list_hold():
    with Machine() as machine:
        machine.run("scan")
        assert "0x0007" in machine.read(LOCAL_LIST)
        place = f"{DRIVERS}/{OURS}/Contents/Info.plist"
        machine.write(place, machine.read(place).replace("0x0007", "0x000F"))
        machine.run("scan")
        text = machine.read(LOCAL_LIST)
        assert "0x000F" in text and "0x0007" not in text
        assert text.count("CFBundleExecutable") == 1


def print_and_dry_run_write_nothing():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN)
        assert "0x1234" in machine.run("scan", "--print")
        machine.run("scan", "--dry-run")
        assert "1234:5678" in machine.said
        assert listed(machine) == {}


def a_list_that_cannot_be_written_is_told():
    with Machine() as machine:
        machine.remove(PLACE)
        machine.write(PLACE, "")
        machine.run("scan", code=3)
        assert "Not a directory" in machine.said, machine.said


def pcscd_without_clients_is_restarted():
    with Machine() as machine:
        machine.write("/proc/net/unix", LISTENER)
        machine.plug("1-1", UNKNOWN)
        machine.run("scan", PATH=with_systemd(machine))
        assert calls(machine) == ["--no-block try-restart pcscd.service"]


def pcscd_with_clients_is_left_running():
    with Machine() as machine:
        machine.write("/proc/net/unix", LISTENER + CLIENT)
        machine.plug("1-1", UNKNOWN)
        machine.run("scan", PATH=with_systemd(machine))
        assert calls(machine) == []
        assert "1 client " in machine.said, machine.said


def pcscd_is_left_alone_where_nothing_changed_or_it_does_not_run():
    with Machine() as machine:
        path = with_systemd(machine)
        machine.run("scan", "--no-restart", PATH=path)
        machine.run("scan", PATH=path)
        machine.plug("1-1", UNKNOWN)
        machine.remove(f"/proc/{PCSCD}")
        machine.run("scan", PATH=path)
        assert list(listed(machine)) == [UNKNOWN]
        assert calls(machine) == []


def no_restart_and_quiet_do_as_told():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN)
        machine.run("scan", "--no-restart", "--quiet",
                    PATH=with_systemd(machine))
        assert calls(machine) == [] and machine.said == ""


def without_a_service_manager_it_tells_what_to_do():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN)
        machine.run("scan")
        assert "restart pcscd" in machine.said, machine.said


def ccidtrack_scan_does_the_same():
    with Machine() as machine:
        machine.plug("1-1", UNKNOWN)
        machine.run("--no-restart", program=SCANNER)
        assert list(listed(machine)) == [UNKNOWN]


def scans_at_the_same_time_lose_nothing():
    with Machine() as machine:
        environment = {**os.environ, "CCIDTRACK_ROOT": machine.root,
                       "PCSCLITE_HP_DROPDIR": DRIVERS,
                       "ASAN_OPTIONS": "detect_leaks=0"}
        ids = [(0x1234, number) for number in range(1, 20)]

        def come(number):
            subprocess.run([SCANNER, "--no-restart", "--quiet"], check=True,
                           env=environment)

        threads = []
        for number, pair in enumerate(ids):
            machine.plug(f"1-{number}", pair)
            threads.append(threading.Thread(target=come, args=(number,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        assert sorted(listed(machine)) == ids


if __name__ == "__main__":
    main(*(case for name, case in list(globals().items())
           if callable(case) and case.__module__ == "__main__"
           and name not in ("listed", "with_systemd", "calls")))
