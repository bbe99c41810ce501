# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A card with a small PKCS#15 file system (ISO 7816-15): a PIN, a certificate,
and an RSA key that is listed, but does nothing."""

AID = bytes.fromhex("A000000063504B43532D3135")     # "PKCS-15"
LABEL = b"ccidtrack test card"
PIN = b"1234"
PIN_TRIES = 3
PIN_REFERENCE, KEY_REFERENCE = 1, 2
KEY_BITS = 2048
ID = b"\x45"
AUTH_ID = b"\x01"

MF, APPLICATION = 0x3F00, 0x5015
DIR, ODF, TOKEN_INFO = 0x2F00, 0x5031, 0x5032
AODF, PRKDF, CDF, CERTIFICATE = 0x4401, 0x4402, 0x4403, 0x4301

OK = b"\x90\x00"
NOT_FOUND = b"\x6A\x82"
NO_INS = b"\x6D\x00"
NO_FILE = b"\x69\x86"
BLOCKED = b"\x69\x83"
NO_REFERENCE = b"\x6A\x88"
BEHIND_END = b"\x6B\x00"
WRONG_LENGTH = b"\x67\x00"


# --- DER

def tlv(tag, *parts):
    """One object."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def sequence(*parts):
    """SEQUENCE"""
    return tlv(0x30, *parts)


def integer(number):
    """INTEGER, not negative"""
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def octets(value):
    """OCTET STRING"""
    return tlv(0x04, value)


def text(value):
    """UTF8String"""
    return tlv(0x0C, value)


def bits(*numbers):
    """BIT STRING with these bits set; bit 0 is the leftmost."""
    size = max(numbers, default=-1) // 8 + 1
    value = sum(1 << (8 * size - 1 - number) for number in numbers)
    unused = 8 * size - 1 - max(numbers) if numbers else 0
    return tlv(0x03, bytes([unused]), value.to_bytes(size, "big"))


def path(*ids):
    """Path of file identifiers."""
    return sequence(octets(b"".join(i.to_bytes(2, "big") for i in ids)))


# --- files

def common(label, *rest):
    """CommonObjectAttributes"""
    return sequence(text(label), *rest)


def auth_objects():
    """EF.AODF: the PIN."""
    attributes = sequence(
        bits(1, 4),                     # local, initialised
        tlv(0x0A, b"\x01"),             # ASCII digits
        integer(4), integer(8), integer(8),
        tlv(0x80, bytes([PIN_REFERENCE])),
        path(MF, APPLICATION))
    return sequence(common(b"PIN", bits(0)), sequence(octets(AUTH_ID)),
                    tlv(0xA1, attributes))


def private_keys():
    """EF.PrKDF: the key."""
    return sequence(
        common(b"key", bits(0), octets(AUTH_ID)),
        sequence(octets(ID), bits(2), bits(0, 2, 3, 4),
                 integer(KEY_REFERENCE)),
        tlv(0xA1, sequence(path(MF, APPLICATION),
                           integer(KEY_BITS))))


def certificates():
    """EF.CDF: the certificate."""
    return sequence(
        common(b"certificate", bits()), sequence(octets(ID)),
        tlv(0xA1, sequence(path(MF, APPLICATION, CERTIFICATE))))


def make_files(certificate):
    """Contents by path of identifiers; None for a directory."""
    here = (MF, APPLICATION)
    return {
        (MF,): None,
        (MF, DIR): tlv(0x61, tlv(0x4F, AID), tlv(0x50, LABEL),
                       tlv(0x51, b"\x3F\x00\x50\x15")),
        here: None,
        (*here, ODF): tlv(0xA8, path(*here, AODF)) +
                      tlv(0xA0, path(*here, PRKDF)) +
                      tlv(0xA4, path(*here, CDF)),
        (*here, TOKEN_INFO): sequence(integer(0), octets(b"\x08\x15"),
                                      text(b"ccidtrack"), tlv(0x80, LABEL),
                                      bits()),
        (*here, AODF): auth_objects(),
        (*here, PRKDF): private_keys(),
        (*here, CDF): certificates(),
        (*here, CERTIFICATE): certificate,
    }


# --- the card

class Pkcs15Card:
    """SELECT, READ BINARY, VERIFY and CHANGE REFERENCE DATA; certificate: an
    X.509 one, DER."""

    def __init__(self, certificate, atr):
        self.atr = atr
        self.files = make_files(certificate)
        self.pin = PIN
        self.tries = PIN_TRIES
        self.reset()

    def reset(self):
        """As after power-up."""
        self.current = (MF,)
        self.verified = False

    def apdu(self, command):
        """Data and status word."""
        if len(command) < 4:
            return WRONG_LENGTH
        _, ins, p1, p2 = command[:4]
        data, le = self._body(command[4:])
        known = {0xA4: self._select, 0xB0: self._read, 0x20: self._verify,
                 0x24: self._change}
        if ins not in known:
            return NO_INS
        answer = known[ins](p1, p2, data)
        return answer[:-2][:le] + answer[-2:]

    @staticmethod
    def _body(body):
        """Data and Le, short or extended."""
        extended = len(body) > 2 and body[0] == 0
        if extended:
            body = body[1:]
        width = 2 if extended else 1
        data = b""
        if len(body) > width:
            size = int.from_bytes(body[:width], "big")
            data, body = body[width:width + size], body[width + size:]
        limit = 65536 if extended else 256
        return data, (int.from_bytes(body, "big") or limit if body else limit)

    def _find(self, p1, data):
        ids = tuple(int.from_bytes(data[i:i + 2], "big")
                    for i in range(0, len(data), 2))
        here = self.current
        if self.files[here] is not None:
            here = here[:-1]
        if p1 == 4:
            return (MF, APPLICATION) if AID.startswith(data) else None
        if p1 == 8:
            return (MF, *ids)
        if p1 == 9 or not ids or ids == (MF,):
            return (*here, *ids) if p1 == 9 else (MF,)
        for found in ((*here, *ids), (*here[:-1], *ids), (MF, *ids)):
            if found in self.files:
                return found
        return None

    def _select(self, p1, p2, data):
        found = self._find(p1, data)
        if found not in self.files:
            return NOT_FOUND
        self.current = found
        content = self.files[found]
        if p2 & 0x0C == 0x0C:
            return OK
        kind = b"\x38" if content is None else b"\x01"
        size = len(content or b"").to_bytes(2, "big")
        name = tlv(0x84, AID) if found == (MF, APPLICATION) else b""
        return tlv(0x6F, tlv(0x81, size), tlv(0x82, kind), tlv(
            0x83, found[-1].to_bytes(2, "big")), name) + OK

    def _read(self, p1, p2, _):
        content = self.files[self.current]
        offset = p1 << 8 | p2
        if content is None:
            return NO_FILE
        if offset > len(content):
            return BEHIND_END
        return content[offset:] + OK

    def _verify(self, _, p2, data):
        if p2 & 0x7F != PIN_REFERENCE:
            return NO_REFERENCE
        if not data:
            return OK if self.verified else bytes([0x63, 0xC0 | self.tries])
        if not self.tries:
            return BLOCKED
        self.verified = data.rstrip(b"\0\xFF") == self.pin
        self.tries = PIN_TRIES if self.verified else self.tries - 1
        return OK if self.verified else bytes([0x63, 0xC0 | self.tries])

    def _change(self, p1, p2, data):
        size = len(self.pin)
        answer = self._verify(0, p2, data[:size])
        if answer == OK and p1 == 0:
            self.pin = data[size:].rstrip(b"\0\xFF")
        return answer
