# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A fake sysfs of USB devices, and uevents as real netlink messages."""

import os
import shutil
import socket
import struct

SYS = "/sys"
USB_MAJOR = 189
SPEEDS = {1: "1.5", 2: "12", 3: "480"}    # of USBDEVFS_GET_SPEED

NETLINK_KOBJECT_UEVENT = 15
GROUP_UDEV = 2
MAGIC = 0xFEEDCAFE


def murmur(text):
    """MurmurHash2 of a string with seed 0, as libudev's filters want it."""
    multiplier = 0x5BD1E995
    data = text.encode()
    value = len(data)
    while len(data) >= 4:
        word = int.from_bytes(data[:4], "little") * multiplier & 0xFFFFFFFF
        word = (word ^ word >> 24) * multiplier & 0xFFFFFFFF
        value = value * multiplier & 0xFFFFFFFF ^ word
        data = data[4:]
    if data:
        value = (value ^ int.from_bytes(data, "little"))
        value = value * multiplier & 0xFFFFFFFF
    value = (value ^ value >> 13) * multiplier & 0xFFFFFFFF
    return value ^ value >> 15


class Uevents:
    """Speaks as udevd does to the monitors of libudev."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                    NETLINK_KOBJECT_UEVENT)
        self.socket.bind((0, 0))
        self.number = 1000

    def send(self, action, properties):
        """One event; properties as a dict with DEVPATH and SUBSYSTEM."""
        self.number += 1
        lines = {"ACTION": action, **properties, "SEQNUM": self.number,
                 "USEC_INITIALIZED": self.number}
        body = b"".join(f"{key}={value}".encode() + b"\0"
                        for key, value in lines.items())
        size = 40
        head = struct.pack("8s", b"libudev") + struct.pack(">I", MAGIC)
        head += struct.pack("=III", size, size, len(body))
        head += struct.pack(">IIII", murmur(properties["SUBSYSTEM"]),
                            murmur(properties["DEVTYPE"]), 0, 0)
        self.socket.sendto(head + body, (0, GROUP_UDEV))


def write(directory, attributes):
    """Files of a directory in sysfs."""
    os.makedirs(directory)
    for name, value in attributes.items():
        if not isinstance(value, bytes):
            value = f"{value}\n".encode()
        with open(os.path.join(directory, name), "wb") as file:
            file.write(value)


def interfaces(descriptors):
    """(number, class, subclass, protocol) of each first alternate setting that
    can be found; the descriptors may be damaged."""
    found, place = {}, 18
    while place + 9 <= len(descriptors) and descriptors[place]:
        size, kind = descriptors[place], descriptors[place + 1]
        if kind == 4 and descriptors[place + 3] == 0:
            number = descriptors[place + 2]
            found.setdefault(number, (number,
                                      *descriptors[place + 5:place + 8]))
        place += size
    return list(found.values())


class Device:
    """A device in sysfs; info is vreader's answer to plug."""

    def __init__(self, info):
        self.bus, self.address = int(info["bus"]), int(info["address"])
        self.descriptors = bytes.fromhex(info["descriptors"])
        self.info = info
        self.name = f"{self.bus}-{self.address}"
        self.path = f"/devices/pci0000:00/usb{self.bus}/{self.name}"
        self.node = f"bus/usb/{self.bus:03}/{self.address:03}"
        self.minor = (self.bus - 1) * 128 + self.address - 1
        device = self.descriptors
        self.version = int.from_bytes(device[12:14], "little")
        self.ids = (int.from_bytes(device[8:10], "little"),
                    int.from_bytes(device[10:12], "little"))

    def links(self):
        """Names below /sys, and where they lead."""
        names = {f"bus/usb/devices/{self.name}": self.path,
                 f"dev/char/{USB_MAJOR}:{self.minor}": self.path}
        for number, *_ in interfaces(self.descriptors):
            name = f"{self.name}:1.{number}"
            names[f"bus/usb/devices/{name}"] = f"{self.path}/{name}"
        return names

    def properties(self):
        """What the kernel and udev tell of the device."""
        vendor, product = self.ids
        return {"DEVPATH": self.path, "SUBSYSTEM": "usb",
                "DEVTYPE": "usb_device", "MAJOR": USB_MAJOR,
                "MINOR": self.minor, "DEVNAME": f"/dev/{self.node}",
                "BUSNUM": f"{self.bus:03}", "DEVNUM": f"{self.address:03}",
                "PRODUCT": f"{vendor:x}/{product:x}/{self.version:x}",
                "TYPE": "0/0/0"}

    def interface_properties(self, interface):
        """... and of one of its interfaces."""
        number, *kind = interface
        vendor, product = self.ids
        return {"DEVPATH": f"{self.path}/{self.name}:1.{number}",
                "SUBSYSTEM": "usb", "DEVTYPE": "usb_interface",
                "PRODUCT": f"{vendor:x}/{product:x}/{self.version:x}",
                "TYPE": "0/0/0", "INTERFACE": "/".join(map(str, kind))}

    def attributes(self):
        """The device's files."""
        vendor, product = self.ids
        shown = self.properties()
        shown["DEVNAME"] = self.node
        files = {"busnum": self.bus, "devnum": self.address,
                 "speed": SPEEDS[int(self.info["speed"])],
                 "bConfigurationValue": 1, "bNumConfigurations": 1,
                 "idVendor": f"{vendor:04x}", "idProduct": f"{product:04x}",
                 "bcdDevice": f"{self.version:04x}", "bDeviceClass": "00",
                 "devpath": self.address, "version": " 2.00",
                 "descriptors": self.descriptors,
                 "uevent": "\n".join(f"{key}={value}"
                                     for key, value in shown.items())}
        for name in ("manufacturer", "product", "serial"):
            if self.info[name]:
                files[name] = self.info[name]
        return files

    def add(self):
        """Writes the tree."""
        write(SYS + self.path, self.attributes())
        os.symlink(f"{SYS}/bus/usb", f"{SYS}{self.path}/subsystem")
        for interface in interfaces(self.descriptors):
            number, *kind = interface
            place = f"{SYS}{self.path}/{self.name}:1.{number}"
            shown = self.interface_properties(interface)
            files = {"bInterfaceNumber": f"{number:02x}",
                     "bAlternateSetting": " 0",
                     "bInterfaceClass": f"{kind[0]:02x}",
                     "bInterfaceSubClass": f"{kind[1]:02x}",
                     "bInterfaceProtocol": f"{kind[2]:02x}",
                     "uevent": "\n".join(f"{key}={value}"
                                         for key, value in shown.items())}
            if self.info["interface-text"] and kind[0] != 3:
                files["interface"] = self.info["interface-text"]
            write(place, files)
            os.symlink(f"{SYS}/bus/usb", f"{place}/subsystem")
        for name, target in self.links().items():
            os.symlink(SYS + target, os.path.join(SYS, name))

    def remove(self):
        """Takes the tree away."""
        for name in self.links():
            os.unlink(os.path.join(SYS, name))
        shutil.rmtree(SYS + self.path)


class Bus:
    """All of it: what is plugged in and unplugged, with its events."""

    def __init__(self):
        for name in ("bus/usb/devices", "dev/char", "class"):
            os.makedirs(os.path.join(SYS, name))
        self.uevents = Uevents()
        self.devices = {}

    def plug(self, name, info):
        """As the kernel does it: the tree, the device, its interfaces."""
        device = self.devices[name] = Device(info)
        device.add()
        self.uevents.send("add", device.properties())
        for interface in interfaces(device.descriptors):
            self.uevents.send("add", device.interface_properties(interface))

    def unplug(self, name):
        """The other way round."""
        device = self.devices.pop(name)
        device.remove()
        for interface in interfaces(device.descriptors):
            self.uevents.send("remove",
                              device.interface_properties(interface))
        self.uevents.send("remove", device.properties())
