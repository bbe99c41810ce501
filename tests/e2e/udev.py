# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The rules for udev, as udev understands them: udevadm test tries them on
devices of a made-up sysfs."""
import os
import re
import shutil
import subprocess

import cases
from cases import lab

RULES = os.environ.get("RULES", "61-ifd-ccidtrack.rules")
SOURCE = os.path.join(cases.HERE, "../../etc")
PLACE = "/usr/lib/udev/rules.d"
OTHERS = ("50-udev-default.rules", "60-fido-id.rules")
COMPLAINT = "[Ii]nvalid|[Uu]nknown|[Ff]ailed to (?!read|write)|error"

# As the versions of udevadm word it. From 257 on nothing is written in a test.
SPARED = r'^.*skipping writing.*$'
SWITCH = r'ATTR\{(?:.*/)?power/(\w+)\}="(\w+)"'
RUNS_SCAN = r"^ *(?:run: '|RUN\{program\} : ).*/ccidtrack-scan'?$"
GROUP_SET = r"61-.*rules:\d+ GROUP(?: |=.*: )\d+"


def make_rules(group, path):
    """As make does it, for another group."""
    with open(path, "w", encoding="ascii") as file:
        subprocess.run([os.environ.get("AWK", "awk"), "-v", f"group={group}",
                        "-f", f"{SOURCE}/rules.awk", f"{SOURCE}/readers.list",
                        f"{SOURCE}/61-ifd-ccidtrack.rules.in"],
                       stdout=file, check=True)


class Udev(lab.Lab):
    """Devices, udev's own rules that have to do with them, and ours."""

    def __init__(self, systemd=True, group=None):
        super().__init__()
        self.said = ""
        os.makedirs(f"{lab.WORK}/rules")
        for path in (*(f"{PLACE}/{name}" for name in OTHERS), RULES):
            shutil.copy(path, f"{lab.WORK}/rules")
        if group:
            make_rules(group, f"{lab.WORK}/rules/{os.path.basename(RULES)}")
        lab.namespaces.bind(f"{lab.WORK}/rules", PLACE)
        if systemd:
            os.makedirs("/run/systemd/system")

    def plug(self, name, **options):
        """With the switches that the kernel gives a device."""
        answer = super().plug(name, **options)
        power = f"{self.path(name)}/power"
        os.mkdir(power)
        for switch, value in (("control", "on"), ("persist", "1")):
            with open(f"{power}/{switch}", "w", encoding="ascii") as file:
                print(value, file=file)
        return answer

    def path(self, name):
        """Where it lies in sysfs."""
        return f"/sys{self.bus.devices[name].path}"

    def test(self, name, action="add"):
        """What udev would do: its properties; self.said has all words."""
        done = subprocess.run(
            ["udevadm", "test", f"--action={action}", self.path(name)],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "SYSTEMD_DEVICE_VERIFY_SYSFS": "0"},
            check=False)
        self.said = done.stdout
        assert done.returncode == 0, done
        return dict(re.findall(r"^ *([A-Z_0-9]+)=(.*)$", done.stdout, re.M))

    def power(self, name):
        """What the switches stand at, or would: (control, persist)."""
        def read(switch):
            with open(f"{self.path(name)}/power/{switch}",
                      encoding="ascii") as file:
                return file.read().strip()
        spared = "\n".join(re.findall(SPARED, self.said, re.M))
        switches = {"control": read("control"), "persist": read("persist"),
                    **dict(re.findall(SWITCH, spared))}
        return switches["control"], switches["persist"]


def switched(**options):
    """The switches of such a device afterwards."""
    with Udev() as bench:
        bench.plug("r", **options)
        bench.test("r")
        ours = [line for line in bench.said.splitlines()
                if os.path.basename(RULES) in line]
        assert ours and not re.search(COMPLAINT, "\n".join(ours)), bench.said
        return bench.power("r")


def a_reader_may_sleep_and_nothing_is_kept_for_it():
    assert switched() == ("auto", "0")


def a_reader_with_other_functions_is_not_sent_to_sleep():
    assert switched(hid=True) == ("on", "0")


def readers_that_never_wake_are_not_sent_to_sleep():
    assert switched(vid="058f", pid="9520") == ("on", "0")
    assert switched(vid="0783", pid="0003") == ("on", "0")


def listed_readers_of_their_makers_class_are_readers():
    assert switched(vid="08e6", pid="2202", **{"class": "ff"}) == ("on", "0")


def other_devices_are_left_alone():
    with Udev() as bench:
        bench.plug("r", **{"class": "ff"})
        properties = bench.test("r")
        assert "SYSTEMD_WANTS" not in properties, properties
        assert bench.power("r") == ("on", "1")


def nothing_is_done_to_a_device_that_goes():
    with Udev() as bench:
        bench.plug("r")
        bench.test("r", "remove")
        assert bench.power("r") == ("on", "1")


def systemd_is_asked_for_the_scanner():
    with Udev() as bench:
        bench.plug("r")
        properties = bench.test("r")
        assert properties["SYSTEMD_WANTS"] == "ccidtrack-scan@.service"
        assert "systemd" in properties["TAGS"].split(":"), properties
        assert not re.search(RUNS_SCAN, bench.said, re.M), bench.said


def without_systemd_udev_runs_it():
    with Udev(systemd=False) as bench:
        bench.plug("r")
        assert "SYSTEMD_WANTS" not in bench.test("r")
        assert re.search(RUNS_SCAN, bench.said, re.M), bench.said


def the_group_that_was_asked_for_gets_the_device():
    with Udev(group="daemon") as bench:
        bench.plug("r")
        bench.test("r")
        assert re.search(GROUP_SET, bench.said), bench.said


def udevadm_verify_finds_nothing():
    done = subprocess.run(["udevadm", "verify", RULES], text=True,
                          capture_output=True, check=False)
    if "Unknown command verb" in done.stderr:
        print("udevadm has no verify before version 254")
        return
    assert done.returncode == 0, done


if not shutil.which("udevadm"):
    lab.skip("udevadm is not installed (package udev)")
cases.main(a_reader_may_sleep_and_nothing_is_kept_for_it,
           a_reader_with_other_functions_is_not_sent_to_sleep,
           readers_that_never_wake_are_not_sent_to_sleep,
           listed_readers_of_their_makers_class_are_readers,
           other_devices_are_left_alone,
           nothing_is_done_to_a_device_that_goes,
           systemd_is_asked_for_the_scanner,
           without_systemd_udev_runs_it,
           the_group_that_was_asked_for_gets_the_device,
           udevadm_verify_finds_nothing)
