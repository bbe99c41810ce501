/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vdevice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vhex.h"

#define ADDRESS_MAX	127
#define RAW		"descriptors="

struct vdevice *vdevice_first;

void vdevice_note(struct vdevice *device, const char *what, unsigned number)
{
	vjournal_note(vloop_now(), device->name, NULL, 0, "%s %u", what,
		      number);
}

/* --- plug */

/* The kernel goes round before it gives an address a second time. */
static unsigned free_address(unsigned bus)
{
	static unsigned last = 1;

	for (unsigned i = 0; i < ADDRESS_MAX - 1; i++) {
		last = last == ADDRESS_MAX ? 2 : last + 1;
		if (!vdevice_at(bus, last))
			return last;
	}
	return 0;
}

static int place(struct voptions *options)
{
	if (!options->bus)
		options->bus = 1;
	if (!options->address)
		options->address = free_address(options->bus);
	if (!options->address)
		return -ENOSPC;
	return vdevice_at(options->bus, options->address) ? -EEXIST : 0;
}

static int check(const struct voptions *options)
{
	if (options->slots < 1 || options->slots > VCCID_SLOTS ||
	    options->readers > VDEVICE_CCIDS || !options->readers ||
	    options->packet < 8 || options->packet > 512 ||
	    options->interrupt_packet < 1 || options->interrupt_packet > 64 ||
	    options->message_size <= VCCID_HEADER || options->alternates < 1 ||
	    options->alternates > 2 ||
	    options->reader_setting >= options->alternates || options->interface > 250)
		return -EINVAL;
	return 0;
}

static void make_interfaces(struct vdevice *device)
{
	const struct voptions *options = &device->options;
	unsigned number = options->interface;

	if (options->hid) {
		device->interfaces[device->n_interfaces++].kernel_driver = true;
		number = number ? number : 1;
	}
	for (unsigned i = 0; i < options->readers; i++) {
		struct vccid *ccid = &device->ccids[i];
		struct vinterface *interface =
			&device->interfaces[device->n_interfaces++];

		snprintf(device->ccid_names[i], sizeof(device->ccid_names[i]),
			 i ? "%s/%u" : "%s", device->name, i);
		ccid->name = device->ccid_names[i];
		ccid->options = &device->options;
		ccid->counts = &device->counts;
		ccid->interface = number + i;
		vccid_init(ccid, i);
		interface->ccid = ccid;
		interface->kernel_driver = options->kernel_driver[0];
	}
}

static void free_device(struct vdevice *device)
{
	vloop_disarm(&device->control_timer);
	for (unsigned i = 0; i < VDEVICE_CCIDS; i++)
		if (device->ccids[i].slots)
			vccid_free(&device->ccids[i]);
	free(device);
}

/* Other descriptors than ours, damaged ones say; the device works as before. */
static int take_raw(struct vdevice *device, const char *hex)
{
	ssize_t n = vhex_parse(hex, device->descriptors,
			       sizeof(device->descriptors));

	if (n < 18)
		return -EINVAL;
	device->size = (size_t)n;
	return 0;
}

static int set_up(struct vdevice *device, char *const *words, size_t n)
{
	int r = 0;

	voptions_default(&device->options);
	for (size_t i = 0; i < n && r == 0; i++)
		if (strncmp(words[i], RAW, strlen(RAW)) != 0)
			r = voptions_take(&device->options, words[i], false);
	if (r == 0)
		r = check(&device->options);
	if (r == 0)
		r = place(&device->options);
	if (r < 0)
		return r;
	device->configuration = device->options.configured;
	make_interfaces(device);
	r = vdescriptors_build(device);
	for (size_t i = 0; i < n && r == 0; i++)
		if (strncmp(words[i], RAW, strlen(RAW)) == 0)
			r = take_raw(device, words[i] + strlen(RAW));
	return r;
}

static void control_due(struct vloop_timer *timer);

int vdevice_plug(const char *name, char *const *words, size_t n,
		 struct vdevice **ret_device)
{
	struct vdevice *device;
	int r;

	if (vdevice_find(name) || strlen(name) >= VDEVICE_NAME)
		return -EEXIST;
	device = calloc(1, sizeof(*device));
	if (!device)
		return -ENOMEM;
	snprintf(device->name, sizeof(device->name), "%s", name);
	device->control_timer.fire = control_due;
	r = set_up(device, words, n);
	if (r < 0) {
		free_device(device);
		return r;
	}
	device->next = vdevice_first;
	vdevice_first = device;
	vdevice_note(device, "plug", device->options.address);
	*ret_device = device;
	return 0;
}

struct vdevice *vdevice_find(const char *name)
{
	struct vdevice *device = vdevice_first;

	while (device && strcmp(device->name, name) != 0)
		device = device->next;
	return device;
}

struct vccid *vdevice_find_ccid(const char *name, struct vdevice **ret_device)
{
	for (struct vdevice *device = vdevice_first; device;
	     device = device->next) {
		for (unsigned i = 0; i < device->options.readers; i++) {
			if (strcmp(device->ccid_names[i], name) != 0)
				continue;
			*ret_device = device;
			return &device->ccids[i];
		}
	}
	return NULL;
}

struct vdevice *vdevice_at(unsigned bus, unsigned address)
{
	struct vdevice *device = vdevice_first;

	while (device && (device->options.bus != bus ||
			  device->options.address != address))
		device = device->next;
	return device;
}

/* --- urbs */

struct vpipe *vdevice_pipe(struct vdevice *device, unsigned endpoint)
{
	unsigned n = device->options.interrupt ? 3 : 2;

	for (unsigned i = 0; i < device->options.readers; i++) {
		struct vccid *ccid = &device->ccids[i];
		struct vpipe *pipes[] = { &ccid->out, &ccid->in,
					  &ccid->interrupt };

		for (unsigned j = vtoken_is(ccid) ? 2 : 0; j < n; j++)
			if (pipes[j]->address == endpoint)
				return pipes[j];
	}
	return NULL;
}

static struct vccid *ccid_of(struct vdevice *device, const struct vpipe *pipe)
{
	for (unsigned i = 0; i < device->options.readers; i++) {
		struct vccid *ccid = &device->ccids[i];

		if (pipe == &ccid->out || pipe == &ccid->in ||
		    pipe == &ccid->interrupt)
			return ccid;
	}
	return NULL;
}

int vdevice_submit(struct vdevice *device, struct vurb *urb)
{
	struct vpipe *pipe = vdevice_pipe(device, urb->endpoint);
	struct vccid *ccid = pipe ? ccid_of(device, pipe) : NULL;

	if (!ccid || !vdevice_has_pipes(device, ccid->interface))
		return -ENOENT;
	if (pipe == &ccid->out) {
		int status;

		device->counts.number[VCOUNT_OUT]++;
		status = vccid_out(ccid, urb->data, urb->size);
		urb->actual = status ? 0 : urb->size;
		urb->done(urb, status);
		vccid_work(ccid);
		return 0;
	}
	device->counts.number[pipe == &ccid->in ? VCOUNT_IN :
						  VCOUNT_INTERRUPT]++;
	if (pipe == &ccid->in && urb->size % pipe->packet)
		device->counts.number[VCOUNT_IN_ODD]++;
	vpipe_submit(pipe, urb);
	if (pipe == &ccid->interrupt)
		vnotify_polled(ccid);
	return 0;
}

static void finish_control(struct vdevice *device)
{
	struct vurb *urb = device->controls;
	int r = vdevice_control(device, urb->setup, urb->data, urb->size);

	device->controls = urb->next;
	urb->actual = r < 0 ? 0 : (size_t)r;
	urb->done(urb, r < 0 ? r : 0);
}

static void control_due(struct vloop_timer *timer)
{
	struct vdevice *device = vloop_owner(timer, struct vdevice,
					     control_timer);

	if (!device->controls)
		return;
	finish_control(device);
	if (device->controls)
		vloop_arm(timer, vloop_now() +
			  device->options.control_time * VLOOP_US);
}

int vdevice_submit_control(struct vdevice *device, struct vurb *urb)
{
	struct vurb **last = &device->controls;
	bool first = !device->controls;

	while (*last)
		last = &(*last)->next;
	*last = urb;
	if (!device->options.control_time)
		finish_control(device);
	else if (first)
		vloop_arm(&device->control_timer, vloop_now() +
			  device->options.control_time * VLOOP_US);
	return 0;
}

static bool discard_control(struct vdevice *device, const void *owner,
			    uint64_t tag)
{
	struct vurb **place = &device->controls;
	struct vurb *urb;

	while (*place && ((*place)->owner != owner || (*place)->tag != tag))
		place = &(*place)->next;
	urb = *place;
	if (!urb)
		return false;
	*place = urb->next;
	urb->done(urb, -ENOENT);
	return true;
}

void vdevice_discard(struct vdevice *device, void *owner, uint64_t tag)
{
	device->counts.number[VCOUNT_DISCARDS]++;
	if (discard_control(device, owner, tag))
		return;
	for (unsigned i = 0; i < device->options.readers; i++)
		if (vpipe_discard(&device->ccids[i].in, owner, tag) ||
		    vpipe_discard(&device->ccids[i].interrupt, owner, tag))
			return;
}

void vdevice_end_urbs(struct vccid *ccid, const void *owner, int status)
{
	vpipe_end(&ccid->in, owner, status);
	vpipe_end(&ccid->interrupt, owner, status);
}

void vdevice_end_controls(struct vdevice *device, const void *owner,
			  int status)
{
	struct vurb **place = &device->controls;

	while (*place) {
		struct vurb *urb = *place;

		if (owner && urb->owner != owner) {
			place = &urb->next;
			continue;
		}
		*place = urb->next;
		urb->done(urb, status);
	}
}

void vdevice_unplug(struct vdevice *device)
{
	struct vdevice **place = &vdevice_first;

	while (*place != device)
		place = &(*place)->next;
	*place = device->next;
	vdevice_note(device, "unplug", device->options.address);
	for (unsigned i = 0; i < device->options.readers; i++)
		vdevice_end_urbs(&device->ccids[i], NULL, -ESHUTDOWN);
	vdevice_end_controls(device, NULL, -ESHUTDOWN);
	free_device(device);
}
