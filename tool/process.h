/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process - the running programs that matter: pcscd, and who holds a device.
 *
 * Read from /proc. What belongs to others only root may see.
 */
#ifndef CCIDTRACK_PROCESS_H
#define CCIDTRACK_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define PROCESS_GROUPS	64

struct process {
	pid_t pid;
	char name[32];
	uid_t uid;			/* effective */
	gid_t gid;
	gid_t groups[PROCESS_GROUPS];
	size_t n_groups;
	bool overrides;			/* rights of files do not stop it */
	int64_t started;		/* seconds of CLOCK_REALTIME; 0: untold */
};

/* False if there is no such process. */
bool process_read(pid_t pid, struct process *ret_process);

/*
 * pcscd, by the file that it writes its number into. Not by its name: those in
 * containers bear it too. False if it does not run.
 */
bool process_pcscd(struct process *ret_process);

/* Whether it may read and write such a file; access lists are not looked at. */
bool process_may_open(const struct process *process, const struct stat *file);

/* Those that have the device node open; *ret_all: nobody was left out. */
size_t process_holders(unsigned bus, unsigned address,
		       struct process **ret_rows, bool *ret_all);

#endif
