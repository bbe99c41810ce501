# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Cards in Python, for the lab's kind "served" (tests/lab/vcard_served.c).

A card is an object with atr (bytes), reset() and apdu(bytes) -> bytes.
"""
import os
import socket
import threading

MESSAGE_MAX = 65600


class CardServer:
    """Lets a card be put into readers: insert(kind="served", path=path)."""

    def __init__(self, card, path):
        self.card = card
        self.path = path
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                reader, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[reader],
                             daemon=True).start()

    def _serve(self, reader):
        with reader:
            while question := reader.recv(MESSAGE_MAX):
                if question[:1] == b"R":
                    self.card.reset()
                    reader.send(self.card.atr)
                else:
                    reader.send(self.card.apdu(question[1:]))

    def close(self):
        """No further reader gets the card."""
        self.listener.close()
        os.unlink(self.path)
