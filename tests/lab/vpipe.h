/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vpipe - one endpoint: urbs that the host has submitted, messages that the
 * device has ready, and the packets between them.
 *
 * IN: a message goes out in packets, only into a waiting urb; a short packet
 * or a full urb ends the urb. OUT urbs never wait here.
 */
#ifndef VPIPE_H
#define VPIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vurb {
	struct vurb *next;
	void *owner;		/* who submitted it */
	uint64_t tag;		/* what the owner calls it */
	/* Tells the owner, who frees it; actual says how much came. */
	void (*done)(struct vurb *urb, int status);
	uint8_t endpoint;
	size_t size;		/* of data */
	size_t actual;
	uint8_t setup[8];
	uint8_t data[];
};

struct vmessage {
	struct vmessage *next;
	size_t size, sent;
	bool zlp;		/* an empty packet follows a full last one */
	uint8_t data[];
};

struct vpipe {
	uint8_t address;
	size_t packet;
	bool halted;
	int damage;		/* the next urb that gets data ends with this */
	struct vurb *urbs;	/* waiting, the oldest first */
	struct vmessage *messages;
};

/* An urb for size bytes. Ends the program when memory is out. */
struct vurb *vurb_new(void *owner, uint64_t tag, uint8_t endpoint, size_t size,
		      void (*done)(struct vurb *urb, int status));

void vpipe_submit(struct vpipe *pipe, struct vurb *urb);

/* The device has something to say; size 0 is an empty packet. */
void vpipe_push(struct vpipe *pipe, const void *data, size_t size, bool zlp);

/* Ends the owner's urb of that tag with -ENOENT. False if there is none. */
bool vpipe_discard(struct vpipe *pipe, const void *owner, uint64_t tag);

/* Ends all urbs of the owner, or of all for NULL, with status. */
void vpipe_end(struct vpipe *pipe, const void *owner, int status);

/* Drops what the device had to say. */
void vpipe_flush(struct vpipe *pipe);

void vpipe_halt(struct vpipe *pipe);
void vpipe_clear_halt(struct vpipe *pipe);

#endif
