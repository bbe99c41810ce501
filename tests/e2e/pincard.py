# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A card with one PIN (ISO 7816-4: VERIFY, CHANGE REFERENCE DATA), which
counts tries, for cardserver.py."""

TRIES = 3
REFERENCE = 0x81

OK = b"\x90\x00"
BLOCKED = b"\x69\x83"
NO_INS = b"\x6D\x00"
NO_REFERENCE = b"\x6A\x88"
WRONG_LENGTH = b"\x67\x00"
NOT_VERIFIED = b"\x69\x82"


def ascii_8(pin):
    """Text in a block of 8, filled up with FF."""
    return pin.encode().ljust(8, b"\xFF")


def plain(pin):
    """Text, as long as it is."""
    return pin.encode()


def bcd_right(pin):
    """Half bytes at the end of a block of 8."""
    return bytes.fromhex(pin.rjust(16, "f"))


def format_2(pin):
    """ISO 9564-1, format 2: a 2, the length, half bytes."""
    return bytes.fromhex(f"2{len(pin):x}{pin}".ljust(16, "f"))


class PinCard:
    """apdus: all that it was sent since it was made."""

    def __init__(self, atr, pin="1234", coding=ascii_8):
        self.atr = atr
        self.pin = pin
        self.coding = coding
        self.tries = TRIES
        self.apdus = []
        self.reset()

    def reset(self):
        """As after power-up."""
        self.verified = False

    def apdu(self, command):
        """Data and status word."""
        self.apdus.append(command)
        _, ins, p1, p2 = command[:4]
        known = {0x20: self._verify, 0x24: self._change}
        if ins == 0xA4:
            return OK
        if ins not in known:
            return NO_INS
        if p2 != REFERENCE:
            return NO_REFERENCE
        data = command[5:5 + command[4]] if len(command) > 5 else b""
        if len(command) > 5 and len(data) != command[4]:
            return WRONG_LENGTH
        return known[ins](p1, data)

    def _left(self):
        return bytes([0x63, 0xC0 | self.tries]) if self.tries else BLOCKED

    def _check(self, data):
        if self.tries:
            self.verified = data == self.coding(self.pin)
            self.tries = TRIES if self.verified else self.tries - 1
        return OK if self.tries and self.verified else self._left()

    def _verify(self, _, data):
        if not data:
            return OK if self.verified else self._left()
        return self._check(data)

    def _change(self, p1, data):
        """P1 0: the old PIN stands before the new one."""
        if p1 == 0:
            size = len(self.coding(self.pin))
            answer = self._check(data[:size])
            if answer != OK:
                return answer
            data = data[size:]
        elif not self.verified:
            return NOT_VERIFIED
        for pin in self._candidates(data):
            self.pin = pin
        return OK

    def _candidates(self, data):
        """The PIN that is coded so."""
        digits = "".join(c for c in data.hex() if c != "f")
        if self.coding in (ascii_8, plain):
            digits = data.rstrip(b"\xFF").decode()
        elif self.coding is format_2:
            digits = digits[2:]
        return [digits] if self.coding(digits) == data else []
