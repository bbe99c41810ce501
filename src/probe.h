/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe - places where a running driver can be watched, by bpftrace, perf or
 * systemtap: static probes (USDT) of provider "ccidtrack".
 *
 * A probe that nobody watches is one nop and a note in the file; configured
 * off, it is nothing. So none of them may be given what has to be computed. No
 * byte that goes to or comes from a card is shown. etc/ccidtrack.bt is an
 * example.
 *
 * label is the text that is in front of each line of the log.
 */
#ifndef CCIDTRACK_PROBE_H
#define CCIDTRACK_PROBE_H

#include <config.h>

#ifdef HAVE_PROBES
#include <sys/sdt.h>
#define PROBE(n, name, ...)	DTRACE_PROBE##n(ccidtrack, name, __VA_ARGS__)
#else
#define PROBE(n, name, ...)	do { } while (0)
#endif

/* open: label, the device string that pcscd gave */
#define PROBE_OPEN(label, device)	PROBE(2, open, label, device)

/* close: label */
#define PROBE_CLOSE(label)		PROBE(1, close, label)

/* command: label, slot, bMessageType, bytes behind the header */
#define PROBE_COMMAND(label, slot, type, size) \
	PROBE(4, command, label, slot, type, size)

/* answer to it: label, slot, bMessageType of the command, 0 or -errno */
#define PROBE_ANSWER(label, slot, type, r) \
	PROBE(4, answer, label, slot, type, r)

/* interrupt transfer is over: label, 0 or -errno, bytes */
#define PROBE_INTERRUPT(label, status, received) \
	PROBE(3, interrupt, label, status, received)

/* movement or doubt: label, slot, TRACK_* bits (track.h), why, as a text */
#define PROBE_MOVEMENT(label, slot, news, cause) \
	PROBE(4, movement, label, slot, news, cause)

/* recovery: label, slot, the rung, as a text, 1 if the reader answers now */
#define PROBE_RECOVERY(label, slot, rung, works) \
	PROBE(4, recovery, label, slot, rung, works)

#endif
