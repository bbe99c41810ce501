# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Machines in a directory, with readers and with every fault, for ccidtrack.

    with Machine() as machine:
        machine.plug("1-1")
        assert machine.faults() == []

CCIDTRACK_ROOT leads the command there. A machine is in order until a case
breaks something. main() runs cases as TAP; their names are sentences.
"""
import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import traceback

sys.dont_write_bytecode = True

COMMAND = os.environ.get("CCIDTRACK", "./ccidtrack")
SCANNER = os.environ.get("CCIDTRACK_SCAN", "./ccidtrack-scan")
DRIVERS = "/usr/lib/pcsc/drivers"
OS = os.environ.get("BUNDLE_OS", "Linux")
OURS = "ifd-ccidtrack.bundle"
LOCAL = "ifd-ccidtrack-local.bundle"
LOCAL_LIST = os.environ.get("LOCALPLIST", "/run/ccidtrack/Info.plist")
LIMIT = 60 * float(os.environ.get("LAB_TIME_SCALE", "1"))
PCSCD, PCSCD_UID, PCSCD_GID = 700, 990, 991

READER = (0x04E6, 0x5116)
UNKNOWN = (0x1234, 0x5678)

# One slot, T=0 and T=1, short APDU level
CLASS_DESCRIPTOR = bytes.fromhex(
    "36211001000703000000A00F0000401F000002002A0000204E050035"
    "FE0000000700000001000000BA0402000F010000FF0010020301")


def descriptors(ids=READER, interface_class=0x0B, interrupt=True, hid=False,
                version=0x0512):
    """Device and configuration, as in sysfs."""
    body = b""
    number = 0
    if hid:
        body += bytes([9, 4, 0, 0, 1, 3, 1, 1, 0])
        body += bytes([9, 0x21, 0x11, 1, 0, 1, 0x22, 63, 0])
        body += bytes([7, 5, 0x84, 3, 8, 0, 10])
        number = 1
    body += bytes([9, 4, number, 0, 2 + interrupt, interface_class, 0, 0, 0])
    body += CLASS_DESCRIPTOR
    body += bytes([7, 5, 0x01, 2, 64, 0, 0, 7, 5, 0x82, 2, 64, 0, 0])
    if interrupt:
        body += bytes([7, 5, 0x83, 3, 8, 0, 16])
    device = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, *ids,
                         version, 1, 2, 3, 1)
    head = struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1 + hid, 1, 0, 0x80,
                       50)
    return device + head + body


def plist(executable, name, ids, **more):
    """An Info.plist; ids: {(vid, pid): name}."""
    def strings(values):
        return "".join(f"\t\t<string>{value}</string>\n" for value in values)

    lists = {"ifdVendorID": [f"0x{vid:04X}" for vid, _ in ids],
             "ifdProductID": [f"0x{pid:04X}" for _, pid in ids],
             "ifdFriendlyName": ids.values()}
    lists.update(more)
    text = ("<plist><dict>\n"
            f"\t<key>CFBundleExecutable</key>\n{strings([executable])}")
    if name:
        text += f"\t<key>CFBundleName</key>\n{strings([name])}"
    text += "\t<key>ifdLogLevel</key>\n\t<string>0x0007</string>\n"
    for key, values in lists.items():
        text += f"\t<key>{key}</key>\n\t<array>\n{strings(values)}\t</array>\n"
    return text + "</dict></plist>\n"


class Daemon:
    """Answers clients as pcscd does, with that code, and what readers there
    are: each (name, state, sharing). Asked for more, it hangs up."""

    ESTABLISH, RELEASE, VERSION = 0x01, 0x02, 0x11
    STATES, WAIT, STOP, EVENTS = 0x12, 0x13, 0x14, 0x15
    PROTOCOL = (4, 4)           # of pcsc-lite 1.9.9; newer ones know it
    SLOTS = 16

    def __init__(self, path, code=0, readers=None):
        self.code = code
        self.tells = readers is not None
        self.states = b"".join(
            struct.pack("<128sIIi33x3xII", name.encode(), 1, state, sharing,
                        0, 0)
            for name, state, sharing in readers or ())
        self.states = self.states.ljust(
            self.SLOTS * struct.calcsize("<128sIIi33x3xII"), b"\0")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(4)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError, struct.error), client:
                self._answer(client)

    def _answer(self, client):
        while True:
            size, command = struct.unpack("<II", client.recv(8))
            body = client.recv(size)
            if command == self.VERSION:
                client.sendall(struct.pack("<III", *self.PROTOCOL, 0))
            elif self.tells and command in (self.STATES, self.WAIT):
                client.sendall(self.states)
            elif self.tells and command in (self.STOP, self.EVENTS):
                client.sendall(bytes(8))
            elif command == self.ESTABLISH:
                client.sendall(struct.pack("<III", 2, 7, self.code))
            elif command == self.RELEASE:
                client.sendall(body[:4] + struct.pack("<I", 0))
            else:
                return

    def close(self):
        """Hangs up."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Machine:
    """One that is in order: pcscd runs, we are installed, no reader."""

    def __init__(self):
        # short: a socket's path has 107 characters
        self.root = tempfile.mkdtemp(prefix="ct-", dir="/tmp")
        self.daemon = None
        self.readers = 0
        self.wrapper, self.said, self.code = (), "", 0
        self.write("/proc/stat", "cpu 0\nbtime 1000\n")
        self.write("/proc/net/unix", "Num RefCount Protocol Flags Type St "
                   "Inode Path\n")
        self.write("/etc/group", f"root:x:0:\npcscd:x:{PCSCD_GID}:\n")
        self.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"
                   f"pcscd:x:{PCSCD_UID}:{PCSCD_GID}::/run:/bin/false\n")
        self.program("/usr/sbin/pcscd", "echo pcsc-lite version 1.9.9.")
        self.write("/usr/lib/udev/rules.d/61-ifd-ccidtrack.rules",
                   'GROUP="pcscd"\n')
        self.bundle(OURS, "libccidtrack.so", "ccidtrack",
                    {READER: "a reader & more"})
        self.bundle(LOCAL, "libccidtrack-local.so", "ccidtrack-local", {})
        self.link_local()
        self.process(PCSCD, "pcscd", capabilities=2)
        self.listen()
        self.process(PCSCD - 1, "pcscd", 5, 5)      # a container's

    def path(self, name):
        """Where it really is."""
        return self.root + name

    def write(self, name, data):
        """A file, with its directories."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())

    def read(self, name):
        """A file's text."""
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def remove(self, name):
        """A file or a tree less."""
        path = self.path(name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)

    def program(self, name, script):
        """A shell script that can be run."""
        self.write(name, f"#!/bin/sh\n{script}\n")
        os.chmod(self.path(name), 0o755)

    def bundle(self, directory, executable, name, ids, **more):
        """A driver with its list."""
        place = f"{DRIVERS}/{directory}/Contents"
        if os.path.islink(self.path(f"{place}/Info.plist")):
            self.remove(f"{place}/Info.plist")
        self.write(f"{place}/Info.plist", plist(executable, name, ids, **more))
        self.write(f"{place}/{OS}/{executable}", executable)

    def link_local(self):
        """The list of the local bundle lies where it was configured, empty."""
        place = f"{DRIVERS}/{LOCAL}/Contents/Info.plist"
        self.write(LOCAL_LIST, self.read(place))
        self.remove(place)
        os.symlink(self.path(LOCAL_LIST), self.path(place))

    def process(self, pid, name, uid=0, gid=0, capabilities=0, groups="",
                age=2 ** 40):
        """A running program, started age seconds after 1970."""
        self.write(f"/proc/{pid}/comm", name + "\n")
        self.write(f"/proc/{pid}/status",
                   f"Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
                   f"Gid:\t{gid}\t{gid}\t{gid}\t{gid}\nGroups:\t{groups} \n"
                   f"CapEff:\t{capabilities:016x}\n")
        ticks = (age - 1000) * os.sysconf("SC_CLK_TCK")
        self.write(f"/proc/{pid}/stat",
                   f"{pid} (a) b) S " + "0 " * 18 + f"{ticks} 0\n")
        os.makedirs(self.path(f"/proc/{pid}/fd"), exist_ok=True)

    def listen(self, code=0, readers=None):
        """pcscd serves its socket."""
        self.write("/run/pcscd/pcscd.pid", f"{PCSCD}\n")
        self.daemon = Daemon(self.path("/run/pcscd/pcscd.comm"), code, readers)

    def serve(self, *readers):
        """pcscd has these: (name, state, sharing)."""
        self.hang_up()
        self.remove("/run/pcscd/pcscd.comm")
        self.listen(readers=readers)

    def hang_up(self):
        """The socket stays behind."""
        self.daemon.close()
        self.daemon = None

    def plug(self, port="1-1", ids=READER, interface_class=0x0B, driver=None,
             product="Test Reader", maker="Maker", **more):
        """A reader in sysfs, and its node."""
        self.readers += 1
        place = f"/sys/bus/usb/devices/{port}"
        raw = descriptors(ids, interface_class, **more)
        files = {"busnum": "1", "devnum": str(self.readers),
                 "bConfigurationValue": "1", "product": product,
                 "manufacturer": maker, "authorized": "1",
                 "power/control": "on"}
        for name, text in files.items():
            self.write(f"{place}/{name}", text + "\n")
        self.write(f"{place}/descriptors", raw)
        self.write(f"/dev/bus/usb/001/{self.readers:03}", raw)
        os.chmod(self.path(f"/dev/bus/usb/001/{self.readers:03}"), 0o660)
        if driver:
            interface = f"/sys/bus/usb/devices/{port}:1.0"
            os.makedirs(self.path(interface))
            os.symlink(f"../drivers/{driver}",
                       self.path(f"{interface}/driver"))
        return place

    def hold(self, pid, address=1):
        """A program has the reader's node open."""
        os.symlink(f"/dev/bus/usb/001/{address:03}",
                   self.path(f"/proc/{pid}/fd/5"))

    def run(self, *words, program=COMMAND, code=0, **environment):
        """The command's output; it must end with that code, or one of these.
        self.wrapper: by what it is run."""
        variables = {name: text for name, text in os.environ.items()
                     if not name.startswith(("CCIDTRACK", "PCSCLITE"))}
        # AddressSanitizer's idea of leaks is not ours: memory.h
        variables.update(CCIDTRACK_ROOT=self.root, LC_ALL="C",
                         ASAN_OPTIONS="detect_leaks=0",
                         PCSCLITE_HP_DROPDIR=DRIVERS, **environment)
        done = subprocess.run([*self.wrapper, program, *words], env=variables,
                              text=True, capture_output=True, check=False,
                              timeout=LIMIT)
        codes = code if isinstance(code, tuple) else (code,)
        assert done.returncode in codes, (done.returncode, done.stdout,
                                          done.stderr)
        self.said, self.code = done.stderr, done.returncode
        return done.stdout

    def findings(self):
        """What check finds: {name: finding}."""
        found = json.loads(self.run("check", "--json", code=(0, 1)))
        kinds = {row["kind"] for row in found}
        assert ("FAULT" in kinds) == self.code, found
        return {row["name"]: row for row in found}

    def faults(self, found=None):
        """The names of faults alone."""
        return sorted(name for name, row in (found or self.findings()).items()
                      if row["kind"] == "FAULT")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.daemon:
            self.hang_up()
        shutil.rmtree(self.root)


def main(*cases):
    """Runs them all; exits."""
    print(f"1..{len(cases)}")
    failed = 0
    for number, case in enumerate(cases, 1):
        verdict = "ok"
        try:
            case()
        except Exception:       # pylint: disable=broad-exception-caught
            verdict = "not ok"
            failed = 1
            for line in traceback.format_exc().splitlines():
                print("#", line)
        title = case.__name__.replace("_", " ")
        print(f"{verdict} {number} - {title}", flush=True)
    sys.exit(failed)
