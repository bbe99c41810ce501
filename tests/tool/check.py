# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""ccidtrack check finds each fault that users trip over, and no others."""
import contextlib
import json
import os
import socket

from machine import (DRIVERS, LOCAL, LOCAL_LIST, OS, OURS, PCSCD, PCSCD_GID,
                     PCSCD_UID, READER, UNKNOWN, Machine, main)

SECURITY_VIOLATION = 0x8010006A
INTERNAL_ERROR = 0x80100001
OLD = 2000              # seconds after 1970, before any file here was written

# What pcscd says of a reader, and how it is shared
UNKNOWN_STATE, ABSENT, PRESENT, SWALLOWED = 0x01, 0x02, 0x04, 0x08
FREE, EXCLUSIVE = 0, -1
NAME = "Maker Test Reader 00 00"


@contextlib.contextmanager
def machine_with_reader(**options):
    """In order, with one reader."""
    with Machine() as machine:
        os.makedirs(machine.path("/run/systemd/system"))
        machine.plug(**options)
        assert machine.faults() == []
        yield machine


def only(machine, name, *words):
    """That fault and no other; words are in its text or in what mends it."""
    found = machine.findings()
    assert machine.faults(found) == [name], found
    for word in words:
        assert word in found[name]["text"] + found[name]["mend"], found[name]


@contextlib.contextmanager
def locked(machine, name):
    """Nobody may enter that file, not even root."""
    path = machine.path(name)
    mode = os.stat(path).st_mode
    os.chmod(path, 0)
    machine.wrapper = ["setpriv", "--bounding-set",
                       "-dac_override,-dac_read_search"] \
        if os.geteuid() == 0 else []
    yield
    os.chmod(path, mode)


def run_as_user(machine):
    """pcscd without any rights of its own, as from pcsc-lite 2.4 on."""
    machine.process(PCSCD, "pcscd", PCSCD_UID, PCSCD_GID)


def a_machine_in_order_has_no_fault():
    with machine_with_reader() as machine:
        text = machine.run("check")
        assert "pcscd gives it to ccidtrack" in text, text
        assert "FAULT" not in text and "note" not in text, text
        assert text.endswith("\n\nNo fault found.\n"), text


def faults_are_counted_and_name_the_port_of_their_reader():
    with machine_with_reader() as machine:
        machine.plug("1-2.3", UNKNOWN)
        machine.plug("1-4", UNKNOWN)
        text = machine.run("check", code=1)
        assert "Maker Test Reader, port 1-2.3\n" in text, text
        assert text.endswith("\n\n2 faults found.\n"), text
        found = json.loads(machine.run("check", "--json", code=1))
        assert [row["port"] for row in found] == ["1-2.3", "1-4"], found


def the_line_that_mends_it_is_this_machines():
    with machine_with_reader() as machine:
        machine.hang_up()
        only(machine, "pcscd-dead", "sudo systemctl restart pcscd")
        machine.remove("/run/systemd")
        only(machine, "pcscd-dead", "sudo service pcscd restart")
        os.makedirs(machine.path("/run/openrc"))
        only(machine, "pcscd-dead", "sudo rc-service pcscd restart")


def no_reader_at_all_is_a_fault():
    with Machine() as machine:
        only(machine, "no-reader")


def a_driver_that_is_not_installed_is_found():
    with machine_with_reader() as machine:
        machine.remove(f"{DRIVERS}/{OURS}")
        assert machine.faults() == ["not-installed", "unlisted"]


def a_missing_directory_of_drivers_is_found():
    with machine_with_reader() as machine:
        machine.remove(DRIVERS)
        assert machine.faults() == ["no-drivers-directory", "unlisted"]


def a_missing_module_is_found():
    with machine_with_reader() as machine:
        machine.remove(f"{DRIVERS}/{OURS}/Contents/{OS}/libccidtrack.so")
        only(machine, "bundle-no-module")


def modules_that_are_one_file_are_found():
    with machine_with_reader() as machine:
        module = f"{DRIVERS}/{LOCAL}/Contents/{OS}/libccidtrack-local.so"
        machine.remove(module)
        os.link(machine.path(f"{DRIVERS}/{OURS}/Contents/{OS}/"
                             "libccidtrack.so"), machine.path(module))
        only(machine, "module-linked")


def lists_of_unequal_length_are_found():
    with machine_with_reader() as machine:
        machine.bundle("ifd-other.bundle", "other.so", "other",
                       {(1, 2): "one"}, ifdProductID=["0x0002", "0x0003"])
        only(machine, "bundle-unequal", "ifd-other.bundle")


def a_list_edited_by_hand_is_read_as_pcscd_does():
    with machine_with_reader() as machine:
        place = f"{DRIVERS}/{OURS}/Contents/Info.plist"
        text = machine.read(place)
        shown = "\t\t<string>0x04E6</string>\n"
        # an empty value is none to pcscd, and of a line it takes one
        machine.write(place, text.replace(
            shown, shown + "\t\t<string></string>\n"))
        assert machine.faults() == []
        machine.write(place, text.replace(
            shown, "<string>0x04E6</string><string>0x04E6</string>\n"))
        assert machine.faults() == []
        # a comment is no comment
        machine.write(place, text.replace(shown, f"<!--{shown}-->{shown}"))
        assert "bundle-unequal" in machine.faults()


def a_list_without_a_needed_key_is_found():
    with machine_with_reader() as machine:
        machine.write(f"{DRIVERS}/ifd-x.bundle/Contents/Info.plist", "<plist>")
        only(machine, "bundle-incomplete")


def a_bundle_without_a_list_is_found():
    with machine_with_reader() as machine:
        os.makedirs(machine.path(f"{DRIVERS}/ifd-x.bundle/Contents"))
        only(machine, "bundle-unreadable")


def a_local_list_not_yet_written_is_a_note():
    with machine_with_reader() as machine:
        machine.remove(LOCAL_LIST)
        assert machine.faults() == []
        assert "scan" in machine.findings()["no-local-list"]["mend"]


def an_unlisted_reader_is_found():
    with machine_with_reader() as machine:
        machine.plug("1-2", UNKNOWN)
        only(machine, "unlisted", "1234:5678", "ccidtrack scan")


def a_reader_of_another_driver_is_a_note():
    with machine_with_reader() as machine:
        machine.bundle("ifd-ccid.bundle", "libccid.so", "CCIDCLASSDRIVER",
                       {UNKNOWN: "theirs", READER: "both"})
        machine.plug("1-2", UNKNOWN)
        assert machine.faults() == []
        assert "ifd-ccid.bundle" in machine.findings()["other-driver"]["text"]


def two_drivers_for_one_id_are_found():
    with machine_with_reader() as machine:
        machine.bundle("ifd-theirs.bundle", "theirs.so", "theirs",
                       {READER: "theirs"})
        only(machine, "two-drivers", OURS, "ifd-theirs.bundle")


def missing_rules_are_a_note_where_pcscd_is_root():
    with machine_with_reader() as machine:
        machine.remove("/usr/lib/udev/rules.d/61-ifd-ccidtrack.rules")
        assert machine.faults() == []
        assert "no-rules" in machine.findings()


def missing_rules_are_a_fault_where_pcscd_is_not():
    with machine_with_reader() as machine:
        machine.remove("/usr/lib/udev/rules.d/61-ifd-ccidtrack.rules")
        run_as_user(machine)
        assert machine.faults() == ["no-rules", "rights"]


def a_group_that_does_not_exist_is_found():
    with machine_with_reader() as machine:
        machine.write("/etc/group", "root:x:0:\nscard:x:5:\n")
        only(machine, "no-group", "groupadd --system pcscd")


def pcscd_without_rights_is_found():
    with machine_with_reader() as machine:
        run_as_user(machine)
        # the rules are right, and the reader was there before them
        only(machine, "rights", str(PCSCD_UID), "udevadm trigger")
        assert "rules.d" not in machine.findings()["rights"]["mend"]


def pcscd_that_no_rule_gives_rights_is_found():
    with machine_with_reader() as machine:
        run_as_user(machine)
        for rules in ("", 'GROUP="root"\n'):
            machine.write("/usr/lib/udev/rules.d/61-ifd-ccidtrack.rules",
                          rules)
            only(machine, "rights", f'GROUP="{PCSCD_GID}"',
                 "/etc/udev/rules.d")


def pcscd_in_the_right_group_is_in_order():
    with machine_with_reader() as machine:
        run_as_user(machine)
        group = os.stat(machine.path("/dev/bus/usb/001/001")).st_gid
        machine.process(PCSCD, "pcscd", PCSCD_UID, 7, groups=f"4 {group} 9")
        assert machine.faults() == []


def rights_are_those_pcscd_would_have_when_it_starts():
    with machine_with_reader() as machine:
        machine.remove(f"/proc/{PCSCD}")
        assert machine.faults() == []
        machine.write("/usr/lib/systemd/system/pcscd.service",
                      "[Service]\nUser=pcscd\n")
        only(machine, "rights")


def a_missing_node_is_found():
    with machine_with_reader() as machine:
        machine.remove("/dev/bus/usb/001/001")
        only(machine, "no-node", "docker")


def a_driver_of_the_kernel_is_found():
    with Machine() as machine:
        machine.plug(driver="pn533_usb")
        only(machine, "kernel-driver", "blacklist pn533_usb")
        # ours takes it away when pcscd starts
        machine.remove(f"/proc/{PCSCD}")
        assert machine.faults() == []


def pcscd_itself_is_not_in_the_way():
    with Machine() as machine:
        machine.plug(driver="usbfs")
        machine.hold(PCSCD)
        assert machine.faults() == []
        assert "pcscd has it open" in machine.run("check")


def scdaemon_is_found():
    with machine_with_reader() as machine:
        machine.process(800, "scdaemon", 1000, 1000)
        machine.hold(800)
        only(machine, "scdaemon", "disable-ccid", "800")


def another_program_that_holds_it_is_found():
    with machine_with_reader() as machine:
        machine.process(801, "vendor-tool", 1000, 1000)
        machine.hold(801)
        only(machine, "held", "vendor-tool", "801")


def another_pcscd_that_holds_it_is_found():
    with machine_with_reader() as machine:
        machine.hold(PCSCD - 1)
        only(machine, "held", "another pcscd", str(PCSCD - 1))


def who_holds_it_may_be_hidden():
    with machine_with_reader() as machine:
        machine.process(802, "hidden", 1000, 1000)
        with locked(machine, "/proc/802/fd"):
            assert machine.faults() == []
            assert "sudo" in machine.findings()["not-root"]["mend"]


def a_device_that_is_not_configured_is_found():
    with machine_with_reader() as machine:
        machine.write("/sys/bus/usb/devices/1-1/bConfigurationValue", "\n")
        only(machine, "unconfigured", "power",
             "/sys/bus/usb/devices/1-1/bConfigurationValue")


def a_device_that_is_locked_out_is_found():
    with machine_with_reader() as machine:
        machine.write("/sys/bus/usb/devices/1-1/authorized", "0\n")
        only(machine, "unauthorized", "usbguard")


def firmware_with_faults_is_found():
    with machine_with_reader() as machine:
        ids = (0x09C3, 0x0008)
        machine.bundle(OURS, "libccidtrack.so", "ccidtrack",
                       {READER: "good", ids: "old"})
        machine.plug("1-2", ids, version=0x0202)
        only(machine, "firmware", "2.02", "2.03", "0x0004")


def sleep_without_waking_is_found():
    with machine_with_reader() as machine:
        ids = (0x0783, 0x0003)
        machine.bundle("ifd-ccid.bundle", "libccid.so", "CCIDCLASSDRIVER",
                       {ids: "theirs"})
        place = machine.plug("1-2", ids)
        assert machine.faults() == []
        machine.write(f"{place}/power/control", "auto\n")
        only(machine, "autosuspend", "power/control")


def pcscd_not_installed_is_found():
    with machine_with_reader() as machine:
        machine.remove("/usr/sbin/pcscd")
        only(machine, "pcscd-missing")


def pcscd_too_old_is_found():
    with machine_with_reader() as machine:
        machine.program("/usr/sbin/pcscd", "echo pcsc-lite version 1.6.4.")
        only(machine, "pcscd-old", "1.6.4")


def pcscd_not_running_is_found():
    with machine_with_reader() as machine:
        machine.remove(f"/proc/{PCSCD}")
        machine.remove("/run/pcscd")
        only(machine, "pcscd-not-running", "pcscd.socket")


def a_sandbox_without_pcscd_is_found():
    with machine_with_reader() as machine:
        machine.remove("/run/pcscd")
        machine.write("/.flatpak-info", "")
        only(machine, "sandbox", "--socket=pcsc")


def a_socket_left_behind_is_found():
    with machine_with_reader() as machine:
        machine.hang_up()
        only(machine, "pcscd-dead")


def a_socket_that_nobody_may_write_to_is_found():
    with machine_with_reader() as machine:
        with locked(machine, "/run/pcscd/pcscd.comm"):
            only(machine, "socket-rights", "chmod 666")


def a_socket_of_another_kind_is_found():
    with machine_with_reader() as machine:
        machine.remove("/run/pcscd/pcscd.comm")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(machine.path("/run/pcscd/pcscd.comm"))
            only(machine, "socket", "wrong type", "restart pcscd")


def refusal_for_another_reason_is_found():
    with machine_with_reader() as machine:
        machine.remove("/run/pcscd")
        machine.hang_up()
        machine.listen(INTERNAL_ERROR)
        only(machine, "pcscd-refuses", "restart pcscd")


def refusal_by_polkit_is_found():
    with machine_with_reader() as machine:
        machine.remove("/run/pcscd")
        machine.hang_up()
        machine.listen(SECURITY_VIOLATION)
        only(machine, "polkit", "polkit-1/rules.d")


def pcscd_that_has_not_read_the_list_is_found():
    with machine_with_reader() as machine:
        machine.process(PCSCD, "pcscd", capabilities=2, age=OLD)
        only(machine, "pcscd-not-restarted", "systemctl restart pcscd")


def readers_that_pcscd_serves_are_counted():
    with machine_with_reader() as machine:
        # two slots, one reader
        machine.serve((NAME, ABSENT, FREE), (NAME[:-1] + "1", PRESENT, FREE))
        assert machine.faults() == []
        assert "readers that it serves: 1" in machine.run("check")


def a_reader_that_pcscd_does_not_serve_is_found():
    with machine_with_reader() as machine:
        machine.serve()
        only(machine, "not-served", "0 of 1", "systemctl restart pcscd")


def more_readers_than_pcscd_has_room_for_are_found():
    with machine_with_reader() as machine:
        machine.plug("1-2")
        machine.serve(*((f"{NAME[:-1]}{slot:X}", ABSENT, FREE)
                        for slot in range(16)))
        only(machine, "not-served", "1 of 2", "16 slots")


def a_reader_that_does_not_answer_is_found():
    with machine_with_reader() as machine:
        machine.serve((NAME, UNKNOWN_STATE, FREE))
        only(machine, "silent", NAME, "plug it in again")


def a_card_that_does_not_answer_is_found():
    with machine_with_reader() as machine:
        machine.serve((NAME, PRESENT | SWALLOWED, FREE))
        only(machine, "mute", NAME, "contacts", "ifdRateCap")


def a_reader_that_a_program_has_for_itself_is_a_note():
    with machine_with_reader() as machine:
        machine.serve((NAME, PRESENT, EXCLUSIVE))
        assert machine.faults() == []
        told = machine.findings()["exclusive"]
        assert NAME in told["text"] and "pcsc-shared" in told["mend"], told


if __name__ == "__main__":
    main(*(case for name, case in list(globals().items())
           if callable(case) and case.__module__ == "__main__"
           and name not in ("locked", "machine_with_reader", "only",
                            "run_as_user")))
