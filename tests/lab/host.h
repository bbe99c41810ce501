/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host - loads a driver as pcscd does and calls it, as a script says; README.
 *
 * host.c reads the script and keeps the threads, host_module.c is the driver's
 * side, host_calls.c the words, host_refuse.c what the driver does not get,
 * host_world.c what else happens around it. log_msg and log_xxd are there for the driver.
 */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ifdhandler.h>

#define HOST_WORDS	6

/* The ten functions, by the names that pcscd asks for */
struct host_module {
	void *library;
	RESPONSECODE (*create_by_name)(DWORD, LPSTR);
	RESPONSECODE (*create)(DWORD, DWORD);
	RESPONSECODE (*close)(DWORD);
	RESPONSECODE (*get)(DWORD, DWORD, PDWORD, PUCHAR);
	RESPONSECODE (*set)(DWORD, DWORD, DWORD, PUCHAR);
	RESPONSECODE (*protocol)(DWORD, DWORD, UCHAR, UCHAR, UCHAR, UCHAR);
	RESPONSECODE (*power)(DWORD, DWORD, PUCHAR, PDWORD);
	RESPONSECODE (*transmit)(DWORD, SCARD_IO_HEADER, PUCHAR, DWORD, PUCHAR,
				 PDWORD, PSCARD_IO_HEADER);
	RESPONSECODE (*presence)(DWORD);
	RESPONSECODE (*control)(DWORD, DWORD, PUCHAR, DWORD, PUCHAR, DWORD,
				LPDWORD);
};

/* The loaded driver; loads it if need be. Ends the program if it cannot. */
const struct host_module *host_module(void);
void host_unload(void);
void host_set_path(const char *path);

/* One command, its answer printed; thread is only told. */
void host_call(char **words, unsigned thread);

/*
 * The n-th thread or piece of memory ("thread", "memory") that is asked for in
 * a call is refused; 0: none. Prints how many calls it was off.
 */
void host_refuse(const char *what, unsigned nth);

/* This thread is in a call of the driver's, or not. */
void host_count(bool on);

/* The wall clock makes a step, for all that runs in here. */
void host_step(long seconds);

/* Prints how many descriptors a child inherits that ends at once. */
void host_fork(void);

uint64_t host_now(void);

#endif
