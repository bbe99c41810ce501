# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The card in QEMU's reader: the other end of its ccid-card-passthru.

A T=0 card that knows READ BINARY (00 B0), whose answer is as long as Le asks
and counts up from P1 P2, and WAIT (80 12), which takes P1 P2 milliseconds."""

import socket
import struct
import threading
import time

HEAD = struct.Struct(">III")            # type, reader, length
INIT, READER_ADD, ATR, CARD_REMOVE, APDU = 1, 3, 5, 6, 7
GREETING = b"VSCD" + struct.pack(">II", 2, 0)
ANSWER_TO_RESET = bytes.fromhex("3b6800007061737374687275")
PATIENCE = 20   # seconds
WRONG_INSTRUCTION = b"\x6D\x00"


def answer(apdu):
    """Of the card."""
    number = int.from_bytes(apdu[2:4], "big")
    if apdu[:2] == b"\x00\xB0" and len(apdu) == 5:
        size = apdu[4] or 256
        return bytes(i & 0xFF for i in range(number, number + size)) + b"\x90\0"
    if apdu[:2] == b"\x80\x12":
        time.sleep(number / 1000)
        return b"\x90\x00"
    return WRONG_INSTRUCTION


class Card:
    """Waits for QEMU at a socket of that path, and serves it."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.lock = threading.Lock()
        self.qemu = None
        self.ready = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _say(self, kind, data=b""):
        with self.lock:
            self.qemu.sendall(HEAD.pack(kind, 0, len(data)) + data)

    @staticmethod
    def _hear(qemu, size):
        data = qemu.recv(size, socket.MSG_WAITALL)
        if len(data) != size:
            raise ConnectionError
        return data

    def _accept(self):
        while True:
            self.qemu, _ = self.listener.accept()
            self._say(INIT, GREETING)
            self._say(READER_ADD, b"card")
            threading.Thread(target=self._serve, args=(self.qemu,),
                             daemon=True).start()
            self.ready.set()

    def _serve(self, qemu):
        try:
            while True:
                kind, _, size = HEAD.unpack(self._hear(qemu, HEAD.size))
                data = self._hear(qemu, size) if size else b""
                if kind == APDU:
                    self._say(APDU, answer(data))
        except OSError:
            qemu.close()

    def insert(self):
        """Once QEMU has made its slot."""
        if not self.ready.wait(PATIENCE):
            raise TimeoutError("QEMU does not ask for a card")
        self._say(ATR, ANSWER_TO_RESET)

    def remove(self):
        """Out of the reader."""
        self._say(CARD_REMOVE)
