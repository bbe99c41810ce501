# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""confine.py UID WRITABLE COMMAND...: runs a program as the service file of
pcsc-lite 2.4 and later lets systemd run pcscd: as a user without any rights, in
a file system that cannot be written but for one directory, with temporary
directories of its own, and killed if it calls what a service has no business
with; stricter in that it may not start processes either.

Wants namespaces of its own, private to it: unshare -m."""

import ctypes
import os
import sys

from namespaces import MS_BIND, MS_NOSUID, libc, mount, skip

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
CAPABILITIES = 64

NR_MOUNT_SETATTR = 442
AT_FDCWD = -100
MOUNT_ATTR_RDONLY = 1

PRIVATE = ("/tmp", "/var/tmp")
HIDDEN = ("/home", "/root")

# What is in systemd's @resources and @privileged, or not in @system-service.
# Killed, as there.
FORBIDDEN = """
    ioprio_set mbind migrate_pages move_pages sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler set_mempolicy setpriority setrlimit
    acct bpf capset chroot fanotify_init fanotify_mark open_by_handle_at
    quotactl setdomainname setfsuid setgroups sethostname setresuid setreuid
    setuid vhangup chown fchown fchownat lchown
    adjtimex clock_adjtime clock_settime settimeofday
    delete_module finit_module init_module iopl ioperm
    kexec_file_load kexec_load reboot swapoff swapon
    mount umount2 mount_setattr move_mount open_tree pivot_root fsopen fsmount
    lookup_dcookie perf_event_open pidfd_getfd ptrace process_vm_writev
    modify_ldt uselib ustat pkey_mprotect syslog seccomp unshare setns
    fork vfork
""".split()

KILL, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
EPERM, ENOSYS = 1, 38
MASKED = 7                  # SCMP_CMP_MASKED_EQ
CLONE_THREAD = 0x10000
PROT_WRITE, PROT_EXEC = 2, 4


class Argument(ctypes.Structure):
    """struct scmp_arg_cmp"""
    _fields_ = [("number", ctypes.c_uint), ("how", ctypes.c_int),
                ("mask", ctypes.c_uint64), ("value", ctypes.c_uint64)]


class Attributes(ctypes.Structure):
    """struct mount_attr"""
    _fields_ = [(name, ctypes.c_uint64)
                for name in ("set", "clear", "propagation", "userns")]


def check(result, what):
    """libc's way to fail."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), what)


def make_readonly(path):
    """One mount."""
    attributes = Attributes(MOUNT_ATTR_RDONLY)
    check(libc.syscall(NR_MOUNT_SETATTR, AT_FDCWD, path.encode(), 0,
                       ctypes.byref(attributes), ctypes.sizeof(attributes)),
          path)


def mounts():
    """Where something is mounted."""
    with open("/proc/self/mountinfo", encoding="ascii") as file:
        return sorted({line.split()[4].encode().decode("unicode_escape")
                       for line in file})


def confine_files(writable):
    """Nothing can be written but one directory, temporary files and /dev."""
    places = mounts()       # as long as Python finds its own files
    for path in filter(os.path.isdir, HIDDEN + PRIVATE):
        mount("tmpfs", path, "tmpfs", MS_NOSUID, "mode=1777")
    mount(writable, writable, None, MS_BIND)
    try:
        mount("proc", "/proc", "proc", 0, "hidepid=2")
    except PermissionError:
        pass        # in a container or a user namespace it stays as it is
    for path in (*places, *HIDDEN):
        if f"{path}/".startswith(("/dev/", *(f"{top}/" for top in PRIVATE))):
            continue
        if os.path.exists(path):
            make_readonly(path)


def drop_rights(uid):
    """Another user where there is one, no capabilities, and no way back."""
    for capability in range(CAPABILITIES):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if uid != os.getuid():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    os.umask(0o077)


class Filter:
    """What system calls end in."""

    def __init__(self, library):
        self.seccomp = library
        self.seccomp.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.seccomp.seccomp_init(ALLOW))

    def add(self, action, name, *arguments):
        """A rule, if there is such a call on this machine."""
        number = self.seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return
        array = (Argument * len(arguments))(*arguments)
        result = self.seccomp.seccomp_rule_add_array(
            self.context, ctypes.c_uint32(action), number, len(arguments),
            array)
        assert result == 0, (name, result)

    def load(self):
        """From here on."""
        assert self.seccomp.seccomp_load(self.context) == 0


def confine_calls(library):
    """Forbidden calls kill; memory is writable or executable; no process is
    started. clone3 hides what it is for: libc then uses clone."""
    calls = Filter(library)
    for name in FORBIDDEN:
        calls.add(KILL, name)
    calls.add(KILL, "clone", Argument(0, MASKED, CLONE_THREAD, 0))
    calls.add(ERRNO | ENOSYS, "clone3")
    both = PROT_WRITE | PROT_EXEC
    calls.add(ERRNO | EPERM, "mmap", Argument(2, MASKED, both, both))
    calls.add(ERRNO | EPERM, "mprotect",
              Argument(2, MASKED, PROT_EXEC, PROT_EXEC))
    calls.load()


def main(uid, writable, *command):
    """Confines this process, and becomes the command."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError as error:
        skip(f"no libseccomp: {error}")
    confine_files(writable)
    drop_rights(int(uid))
    confine_calls(library)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
