# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""ccidtrack check finds each fault that users trip over, and no others."""
import contextlib
import os

from machine import (DRIVERS, LOCAL, LOCAL_LIST, OS, OURS, PCSCD, PCSCD_GID,
                     PCSCD_UID, READER, UNKNOWN, Machine, main)

SECURITY_VIOLATION = 0x8010006A
OLD = 2000              # seconds after 1970, before any file here was written


@contextlib.contextmanager
def machine_with_reader(**options):
    """In order, with one reader."""
    with Machine() as machine:
        machine.plug(**options)
        assert machine.faults() == []
        yield machine


def only(machine, name, *words):
    """That fault and no other; words are in its text or in what mends it."""
    found = machine.findings()
    assert machine.faults() == [name], found
    for word in words:
        assert word in found[name]["text"] + found[name]["mend"], found[name]


def run_as_user(machine):
    """pcscd without any rights of its own, as from pcsc-lite 2.4 on."""
    machine.process(PCSCD, "pcscd", PCSCD_UID, PCSCD_GID)


def a_machine_in_order_has_no_fault():
    with machine_with_reader() as machine:
        text = machine.run("check")
        assert "pcscd gives it to ccidtrack" in text, text
        assert "FAULT" not in text and "note" not in text, text


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
        only(machine, "rights", str(PCSCD_UID))


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


if __name__ == "__main__":
    main(*(case for name, case in list(globals().items())
           if callable(case) and case.__module__ == "__main__"
           and name not in ("machine_with_reader", "only", "run_as_user")))
