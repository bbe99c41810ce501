# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Inside a virtual machine with systemd: does what the documents tell, in the
order of the list. A case is a command. The reader that is plugged in is one
that no driver lists."""
import glob
import os
import subprocess
import sys
import time
import traceback

os.environ.setdefault("LAB_TIME_SCALE", "5")

import lab
import pcsc
import rows
import usbip

UNLISTED = {"vid": "fff0", "pid": "5678", "manufacturer": "Nobody",
            "product": "Knows Me"}
LOCAL_LIST = "/run/ccidtrack/Info.plist"
EXAMPLE_PORT = "4-1"
LATER = 90      # seconds


def until(holds, what):
    """Waits for what tells of itself to nobody."""
    end = time.monotonic() + LATER
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.5)


class User:
    """Whose hands plug and insert."""

    def __init__(self):
        subprocess.run(["modprobe", "vhci_hcd"], check=True)
        os.makedirs("/run/lab")
        self.bench = lab.Bench("/run/lab")
        self.attached = None
        self.inserted = False

    @staticmethod
    def install():
        """What make install has put into a directory."""
        subprocess.run("tar -C /files/installed -cf - . | tar -C / -xf - "
                       "--keep-directory-symlink", shell=True, check=True)

    @staticmethod
    def uninstall():
        """The same files."""
        for place, _, names in os.walk("/files/installed"):
            for name in names:
                os.unlink(os.path.join(place, name)
                          .removeprefix("/files/installed"))

    @staticmethod
    def verify():
        """The units are what systemd takes, beside pcscd's own."""
        subprocess.run(["systemd-analyze", "verify", "--man=no",
                        "pcscd.service", "ccidtrack-scan@bus.service"],
                       check=True)

    def forget(self):
        """As at boot, but for udev, which has nothing to tell of a reader that
        stays: pcscd starts without a list, and has to find one."""
        subprocess.run(["systemctl", "stop", "pcscd.socket", "pcscd.service"],
                       check=True)
        os.unlink(LOCAL_LIST)
        subprocess.run(["systemctl", "start", "pcscd.socket"], check=True)
        self.wait()

    def plug(self):
        """It becomes known to pcscd by itself."""
        self.attached = usbip.Attached(self.bench, "r", **UNLISTED)
        # who asks pcscd meanwhile is a client, for whose sake it is left running
        until(self.scanned, "no scan of it")
        self.wait()

    @staticmethod
    def port():
        """Where the kernel has it."""
        for path in glob.glob("/sys/bus/usb/devices/*/idVendor"):
            with open(path, encoding="ascii") as file:
                if file.read().strip() == UNLISTED["vid"]:
                    return path.split("/")[-2]
        raise AssertionError("no such device")

    @staticmethod
    def scanned():
        """Whether it is in the local list, and who put it there is done."""
        try:
            with open(LOCAL_LIST, encoding="utf-8") as file:
                listed = UNLISTED["product"] in file.read()
        except FileNotFoundError:
            return False
        units = subprocess.run(
            ["systemctl", "list-units", "--state=activating", "-q",
             "ccidtrack-scan@*"], capture_output=True, check=True).stdout
        return listed and not units.strip()

    def wait(self):
        """Until pcscd has opened it."""
        until(self.known, "pcscd does not know it")

    @staticmethod
    def known():
        """Whether pcscd has the reader; it may be starting again just now."""
        try:
            context = pcsc.Context()
        except pcsc.Error:
            return False
        try:
            return any(UNLISTED["product"] in name
                       for name in context.readers())
        except pcsc.Error:
            return False
        finally:
            context.close()

    def insert(self):
        """A card."""
        self.bench.insert("r", 0, "echo")
        self.inserted = True

    def change(self):
        """Another card. Who asks keeps pcscd from ending by itself."""
        self.wait()
        if self.inserted:
            self.bench.remove("r")
        self.insert()


def obey(user, how, command):
    """A row; what it says."""
    if how == "do":
        getattr(user, command)()
        return ""
    if EXAMPLE_PORT in command:
        command = command.replace(EXAMPLE_PORT, user.port())
    return rows.run(how, command, user.change)


def show(user, number, how, command):
    """A row as a line of TAP, and what is said in front of it; 1 if it fails."""
    started = time.monotonic()
    verdict, code = "ok", 0
    try:
        said = obey(user, how, command)
    except Exception:       # whatever it is, the next one has its turn
        said = traceback.format_exc()
        verdict, code = "not ok", 1
    for line in said.splitlines():
        print("#", line)
    print(f"{verdict} {number} - {command} # "
          f"{time.monotonic() - started:.1f} s", flush=True)
    return code


def main():
    """The exit code."""
    user = User()
    told = rows.rows("machine", "both")
    print(f"1..{len(told)}", flush=True)
    failed = sum(show(user, number, *row)
                 for number, row in enumerate(told, 1))
    return 1 if failed else 0


sys.exit(main())
