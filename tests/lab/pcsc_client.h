/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcsc_client - the parts of pcsc-watch.
 */
#ifndef PCSC_CLIENT_H
#define PCSC_CLIENT_H

#include <stdint.h>
#include <sys/types.h>
#include <winscard.h>

#define PCSC_READERS	16	/* PCSCLITE_MAX_READERS_CONTEXTS */

/* --- pcsc_names.c */

uint64_t pcsc_now(void);

/* The constant's name; "0x..." for one that is not known. */
const char *pcsc_code(LONG code);

/* Prints "counter=N word=... STATE,... [atr=...]" of a reader. */
void pcsc_print_state(const SCARD_READERSTATE *state);
void pcsc_print_hex(const unsigned char *bytes, size_t size);

/* --- pcsc_watch_loop.c, pcsc_script.c: exit codes */

int pcsc_watch(void);
int pcsc_script(void);

#endif
