# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Virtual readers behind a real kernel: what vreader says to a program of ours
(tests/lab/vusb_wire.h) becomes what vhci_hcd wants to hear, USB/IP. No network
has a part in it: the kernel is handed one end of a pair of sockets."""

import glob
import os
import socket
import struct
import threading

VHCI = "/sys/devices/platform/vhci_hcd.0"
WIRE = struct.Struct("=QIiIIII")
WIRE_OPEN, WIRE_SUBMIT, WIRE_DISCARD = 0, 1, 2
WIRE_ATTACH, WIRE_CLAIM, WIRE_SET_INTERFACE = 4, 5, 7
WIRE_CLEAR_HALT, WIRE_CONTROL = 9, 11
WIRE_ROOM = 70 * 1024

HEAD = struct.Struct(">IIIII")          # command, number, device, in, endpoint
SUBMIT = struct.Struct(">IIIII8s")      # flags, length, ..., setup
DONE = struct.Struct(">iIIII8x")        # status, length
UNLINK = struct.Struct(">I24x")
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
TYPES = {2: 3, 3: 1}                    # of endpoints: of urbs
ENOENT, ECONNRESET, EPIPE = 2, 104, 32

GET_DESCRIPTOR, SET_CONFIGURATION, SET_INTERFACE = 0x8006, 0x0009, 0x010B
CLEAR_HALT, GET_STATUS = 0x0201, (0x8000, 0x8100, 0x8200)


def parse(descriptors):
    """Endpoints' types by address, and interfaces."""
    endpoints, interfaces, place = {}, set(), 0
    while place + 2 <= len(descriptors) and descriptors[place]:
        kind = descriptors[place + 1]
        if kind == 4:
            interfaces.add(descriptors[place + 2])
        if kind == 5:
            endpoints[descriptors[place + 2]] = descriptors[place + 3] & 3
        place += descriptors[place]
    return endpoints, interfaces


def free_port():
    """A port of vhci_hcd for devices up to high speed."""
    for path in sorted(glob.glob(f"{VHCI}/status*")):
        with open(path, encoding="ascii") as file:
            for line in file.readlines()[1:]:
                hub, port, status = line.split()[:3]
                if hub == "hs" and status == "004":
                    return int(port)
    raise AssertionError("no free port")


class Attached:
    """The reader of that name of a bench, plugged into the kernel."""

    def __init__(self, bench, name, **options):
        self.bench = bench
        self.name = name
        info = bench.plug(name, **options)
        self.node, answer, descriptors = self._open(bench, info)
        self.calls = self._connect(bench)
        self.calls.send(WIRE.pack(answer[0], WIRE_ATTACH, *[0] * 5))
        self.device, self.configuration = descriptors[:18], descriptors[18:]
        self.endpoints, interfaces = parse(descriptors)
        for number in interfaces:
            self.call(WIRE_CLAIM, number)
        self.lock = threading.Lock()
        self.pending = {}
        self.unlinked = {}
        self.kernel, theirs = socket.socketpair()
        port, speed = free_port(), int(info["speed"])
        with open(f"{VHCI}/attach", "w", encoding="ascii") as file:
            file.write(f"{port} {theirs.fileno()} {port + 1} {speed}")
        theirs.close()
        for work in (self._from_kernel, self._from_reader):
            threading.Thread(target=work, daemon=True).start()

    @staticmethod
    def _connect(bench):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(os.path.join(bench.work, "usb"))
        return connection

    def _open(self, bench, info):
        node = self._connect(bench)
        node.send(WIRE.pack(0, WIRE_OPEN, 0, int(info["bus"]),
                            int(info["address"]), 0, 0))
        answer = node.recv(WIRE_ROOM)
        return node, WIRE.unpack_from(answer), answer[WIRE.size:]

    def call(self, kind, a=0, b=0, tag=0, data=b""):
        """A call of usbfs: status, data."""
        self.calls.send(WIRE.pack(tag, kind, 0, a, b, 0, len(data)) + data)
        answer = self.calls.recv(WIRE_ROOM)
        return WIRE.unpack_from(answer)[2], answer[WIRE.size:]

    # --- from the kernel

    def _hear(self, size):
        data = self.kernel.recv(size, socket.MSG_WAITALL) if size else b""
        if len(data) != size:
            raise ConnectionError
        return data

    def _from_kernel(self):
        try:
            while True:
                command, number, _, inwards, endpoint = HEAD.unpack(
                    self._hear(HEAD.size))
                rest = self._hear(SUBMIT.size)
                if command == CMD_UNLINK:
                    self._unlink(number, UNLINK.unpack(rest)[0])
                else:
                    self._submit(number, inwards, endpoint, rest)
        except OSError:
            self._hang_up()

    def _submit(self, number, inwards, endpoint, rest):
        _, length, _, _, _, setup = SUBMIT.unpack(rest)
        data = b"" if inwards else self._hear(length)
        if endpoint == 0:
            status, data = self._control(setup, data)
            self._done(number, status, len(data) if inwards else length,
                       data[:length] if inwards else b"")
            return
        address = endpoint | (0x80 if inwards else 0)
        self.pending[number] = address
        self.node.send(WIRE.pack(number, WIRE_SUBMIT, 0, address,
                                 TYPES[self.endpoints[address]], 0, length) +
                       data)

    def _control(self, setup, data):
        request, value, index, length = struct.unpack("<2sHHH", setup)
        request = int.from_bytes(request, "big")
        if request == GET_DESCRIPTOR and value >> 8 in (1, 2):
            stored = (self.device, self.configuration)[(value >> 8) - 1]
            return 0, stored[:length]
        if request == SET_CONFIGURATION:
            return 0, b""       # usbfs would refuse it: we have claimed all
        if request == SET_INTERFACE:
            return self.call(WIRE_SET_INTERFACE, index, value)
        if request == CLEAR_HALT:
            return self.call(WIRE_CLEAR_HALT, index)
        if request in GET_STATUS:
            return 0, bytes(2)
        return self.call(WIRE_CONTROL, data=data,
                         tag=int.from_bytes(setup, "little"))

    def _unlink(self, number, victim):
        with self.lock:
            if victim in self.pending:
                self.unlinked[victim] = number
            else:
                self._say(RET_UNLINK, number, DONE.pack(0, 0, 0, 0, 0))
                return
        self.node.send(WIRE.pack(victim, WIRE_DISCARD, 0, 0, 0, 0, 0))

    # --- to the kernel

    def _say(self, kind, number, rest, data=b""):
        self.kernel.sendall(HEAD.pack(kind, number, 0, 0, 0) + rest + data)

    def _done(self, number, status, length, data):
        with self.lock:
            self.pending.pop(number, None)
            order = self.unlinked.pop(number, None)
            if order is None or status != -ENOENT:
                self._say(RET_SUBMIT, number,
                          DONE.pack(status, length, 0, 0, 0), data)
            if order is not None:
                gone = -ECONNRESET if status == -ENOENT else 0
                self._say(RET_UNLINK, order, DONE.pack(gone, 0, 0, 0, 0))

    def _from_reader(self):
        try:
            while True:
                message = self.node.recv(WIRE_ROOM)
                if not message:
                    break
                tag, _, status, _, _, _, length = WIRE.unpack_from(message)
                self._done(tag, status, length, message[WIRE.size:])
        except OSError:
            pass
        self._hang_up()

    def _hang_up(self):
        for end in (self.kernel, self.node):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def unplug(self):
        """The reader is pulled; the kernel notices by itself."""
        self.bench.unplug(self.name)
