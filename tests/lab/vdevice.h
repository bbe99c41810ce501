/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vdevice - a USB device on the virtual bus: descriptors, claims, control
 * requests, and the CCID interfaces behind its pipes.
 *
 * The front ends are vserver.c (what a host does with it) and vcontrol.c (what
 * the person at the bench does). An owner is whoever has the device open; it is
 * only compared. Functions return 0 or a negative errno, as the kernel would.
 */
#ifndef VDEVICE_H
#define VDEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vccid.h"
#include "vjournal.h"
#include "vloop.h"
#include "voptions.h"
#include "vpipe.h"

#define VDEVICE_NAME		32
#define VDEVICE_INTERFACES	4
#define VDEVICE_CCIDS		2
#define VDEVICE_DESCRIPTORS	1024
#define VDEVICE_SETUP		8

struct vinterface {
	void *claimed;			/* owner, NULL: nobody */
	bool kernel_driver;
	unsigned alternate;
	struct vccid *ccid;		/* NULL: not a reader's */
};

struct vdevice {
	struct vdevice *next;
	char name[VDEVICE_NAME];
	struct voptions options;
	struct vcounts counts;
	uint8_t descriptors[VDEVICE_DESCRIPTORS];
	size_t size;			/* of descriptors */
	uint8_t configuration;
	struct vinterface interfaces[VDEVICE_INTERFACES];
	unsigned n_interfaces;
	struct vccid ccids[VDEVICE_CCIDS];
	char ccid_names[VDEVICE_CCIDS][VDEVICE_NAME + 4];
	struct vurb *controls;		/* control urbs, the oldest first */
	struct vloop_timer control_timer;
	unsigned break_in;	/* so many urbs; 0: never */
	int break_status;
};

/* All that is plugged in */
extern struct vdevice *vdevice_first;

/* -EEXIST, -ENOSPC (bus full), or as voptions_take(). */
int vdevice_plug(const char *name, char *const *words, size_t n,
		 struct vdevice **ret_device);

/* Every urb is ended with -ESHUTDOWN; the device is freed. */
void vdevice_unplug(struct vdevice *device);

struct vdevice *vdevice_find(const char *name);
/* "NAME", or "NAME/1" for the second CCID interface of the device */
struct vccid *vdevice_find_ccid(const char *name, struct vdevice **ret_device);
struct vdevice *vdevice_at(unsigned bus, unsigned address);

void vdevice_note(struct vdevice *device, const char *what, unsigned number);

/* NULL if there is no such endpoint. */
struct vpipe *vdevice_pipe(struct vdevice *device, unsigned endpoint);

/* What a host may submit. urb is taken over unless an error is returned. */
int vdevice_submit(struct vdevice *device, struct vurb *urb);
int vdevice_submit_control(struct vdevice *device, struct vurb *urb);
void vdevice_discard(struct vdevice *device, void *owner, uint64_t tag);

/* Ends the owner's urbs, all of them for NULL. */
void vdevice_end_urbs(struct vccid *ccid, const void *owner, int status);
void vdevice_end_controls(struct vdevice *device, const void *owner,
			  int status);

/* --- vclaim.c: calls that a host may make */

/* By bInterfaceNumber, which need not be the index. */
struct vinterface *vdevice_interface(struct vdevice *device, unsigned number);

int vdevice_claim(struct vdevice *device, void *owner, unsigned number,
		  bool drop_driver);
int vdevice_release(struct vdevice *device, void *owner, unsigned number);
int vdevice_set_interface(struct vdevice *device, void *owner, unsigned number,
			  unsigned alternate);

/* It is claimed, and in the setting that has endpoints. */
bool vdevice_has_pipes(struct vdevice *device, unsigned number);

int vdevice_set_configuration(struct vdevice *device, unsigned configuration);
int vdevice_clear_halt(struct vdevice *device, unsigned endpoint);
int vdevice_reset(struct vdevice *device);
int vdevice_driver(struct vdevice *device, unsigned number, bool bound);

/* The owner has closed the device. */
void vdevice_close(struct vdevice *device, void *owner);

/* --- vrequest.c */

/* Bytes transferred or a negative errno; data is IN or OUT as setup says. */
int vdevice_control(struct vdevice *device, const uint8_t *setup, uint8_t *data,
		    size_t size);

/* --- vdescriptors.c */

/* Fills descriptors and interfaces from the options. -EINVAL: no room. */
int vdescriptors_build(struct vdevice *device);

/* A string descriptor into data; its bytes, -EPIPE if there is none. */
int vdescriptors_string(const struct vdevice *device, unsigned index,
			uint8_t *data, size_t size);

#endif
