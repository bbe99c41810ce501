/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script_inside - what script.c and script_usb.c share: transfers and messages,
 * in queues, and the device that they are in. Nobody else's.
 *
 * But for script_find, script_demand and script_allocate the script is locked.
 */
#ifndef CCIDTRACK_TESTS_SCRIPT_INSIDE_H
#define CCIDTRACK_TESTS_SCRIPT_INSIDE_H

#include "script.h"

struct script_transfer {
	struct usb_transfer usb;
	struct script *script;
	struct script_transfer *next;
	enum usb_pipe pipe;
	bool under_way;
	bool filled;	/* a message of its pipe is in it */
	size_t asked;	/* size at the submission */
	int status;
	size_t received;
};

/* Ends the program, with the clause of usb.h that does not hold. */
void script_demand(bool held, const char *contract);

/* Not by the functions that a test makes fail. */
void *script_allocate(size_t size);

void script_append(struct script_transfer **at,
		   struct script_transfer *transfer);
struct script_transfer *script_take(struct script_transfer **at);

struct script_message *script_make_message(int status, const uint8_t *bytes,
					   size_t size, uint64_t delay_us);
void script_append_message(struct script_message **at,
			   struct script_message *message);
struct script_message *script_take_message(struct script_message **at);
void script_free_messages(struct script_message **at);

/* Its callback is due: with this status; with the message; as written. */
void script_end(struct script_transfer *transfer, int status);
void script_fill(struct script_transfer *transfer,
		 const struct script_message *message);
void script_write_out(struct script_transfer *transfer);

/* 0, or what the operation is to fail with. */
int script_operate(struct script *script, enum script_operation operation);

/* One callback that is due is called, without the lock. */
bool script_call_back(struct script *script);

/* Its event thread begins; has work to do. */
void script_run(struct script *script);
void script_wake(struct script *script);

/* The device in that place, or NULL. */
struct script *script_find(const struct name *name);

#endif
