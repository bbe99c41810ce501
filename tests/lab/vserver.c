/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vserver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/usbdevice_fs.h>

#include "vusb_wire.h"

struct backlog {
	struct backlog *next;
	size_t size;
	uint8_t bytes[];
};

/* One socket; a host's open node is two of them. */
struct peer {
	struct peer *next;
	struct vloop_watch watch;
	uint64_t number;		/* of the node; 0: nothing said yet */
	bool calls;			/* the second socket */
	struct vdevice *device;		/* NULL: unplugged */
	struct backlog *backlog;	/* what the socket did not take */
};

static struct vloop_watch listener = { .fd = -1 };
static struct peer *peers;
static uint64_t last_number;

static struct {
	struct wire_head head;
	uint8_t data[WIRE_DATA_MAX];
} inbox;

/* --- to the host */

static ssize_t try_send(int fd, const void *head, size_t head_size,
			const void *data, size_t size)
{
	struct iovec parts[] = {
		{ (void *)(uintptr_t)head, head_size },
		{ (void *)(uintptr_t)data, size },
	};
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void keep(struct peer *peer, const struct wire_head *head,
		 const void *data, size_t size)
{
	struct backlog *late = malloc(sizeof(*late) + sizeof(*head) + size);
	struct backlog **place = &peer->backlog;

	if (!late)
		abort();
	late->next = NULL;
	late->size = sizeof(*head) + size;
	memcpy(late->bytes, head, sizeof(*head));
	if (size)
		memcpy(late->bytes + sizeof(*head), data, size);
	while (*place)
		place = &(*place)->next;
	*place = late;
	vloop_change(&peer->watch, EPOLLIN | EPOLLOUT);
}

static void drop_backlog(struct peer *peer)
{
	struct backlog *first = peer->backlog;

	peer->backlog = first->next;
	free(first);
}

static void say(struct peer *peer, const struct wire_head *head,
		const void *data, size_t size)
{
	if (peer->backlog ||
	    (try_send(peer->watch.fd, head, sizeof(*head), data, size) < 0 &&
	     errno == EAGAIN))
		keep(peer, head, data, size);
}

static void say_late(struct peer *peer)
{
	while (peer->backlog) {
		const struct backlog *first = peer->backlog;

		if (try_send(peer->watch.fd, first->bytes, first->size, NULL,
			     0) < 0 && errno == EAGAIN)
			return;
		drop_backlog(peer);
	}
	vloop_change(&peer->watch, EPOLLIN);
}

static void answer(struct peer *peer, int status, const void *data, size_t size)
{
	const struct wire_head head = {
		.status = status < 0 ? status : 0,
		.length = status > 0 ? (uint32_t)status : 0,
	};

	say(peer, &head, data, size);
}

/* --- urbs */

static void count_done(struct peer *peer, const struct vurb *urb, int status)
{
	struct vcounts *counts = &peer->device->counts;

	if (status == -EPIPE)
		counts->number[VCOUNT_STALLS]++;
	if (status || !(urb->endpoint & 0x80))
		return;
	counts->number[urb->endpoint & 1 ? VCOUNT_IN_DONE :
					   VCOUNT_INTERRUPT_DONE]++;
}

static bool is_to_break(struct vdevice *device)
{
	return device->break_in && --device->break_in == 0;
}

static void urb_done(struct vurb *urb, int status)
{
	struct peer *peer = urb->owner;
	struct wire_head head = {
		.kind = WIRE_COMPLETE,
		.tag = urb->tag,
	};
	bool in = (urb->endpoint | urb->setup[0]) & 0x80;

	if (status == 0 && is_to_break(peer->device)) {
		status = peer->device->break_status;
		urb->actual = 0;
	}
	head.status = status;
	head.length = (uint32_t)urb->actual;
	count_done(peer, urb, status);
	vjournal_note(vloop_now(), peer->device->name, urb->data,
		      in ? urb->actual : 0, "complete %02x %d %zu",
		      urb->endpoint, status, urb->actual);
	say(peer, &head, urb->data, in ? urb->actual : 0);
	free(urb);
}

static int submit_control(struct peer *peer, size_t size)
{
	const struct wire_head *head = &inbox.head;
	struct vurb *urb;

	if (size < VDEVICE_SETUP || head->length > WIRE_DATA_MAX)
		return -EINVAL;
	urb = vurb_new(peer, head->tag, 0, head->length, urb_done);
	memcpy(urb->setup, inbox.data, VDEVICE_SETUP);
	size -= VDEVICE_SETUP;
	memcpy(urb->data, inbox.data + VDEVICE_SETUP,
	       size < urb->size ? size : urb->size);
	return vdevice_submit_control(peer->device, urb);
}

static int submit(struct peer *peer, size_t size)
{
	const struct wire_head *head = &inbox.head;
	bool in = head->a & 0x80;
	struct vurb *urb;
	int r;

	vjournal_note(vloop_now(), peer->device->name, inbox.data, size,
		      "submit %02x %u", head->a, head->length);
	if (head->b == USBDEVFS_URB_TYPE_CONTROL)
		return submit_control(peer, size);
	if (in)
		size = head->length < WIRE_DATA_MAX ? head->length :
						      WIRE_DATA_MAX;
	urb = vurb_new(peer, head->tag, (uint8_t)head->a, size, urb_done);
	if (!in)
		memcpy(urb->data, inbox.data, size);
	r = vdevice_submit(peer->device, urb);
	if (r < 0)
		free(urb);
	return r;
}

/* The kernel would refuse at once; here the urb comes back with the error. */
static void refuse(struct peer *peer, int status)
{
	const struct wire_head head = {
		.kind = WIRE_COMPLETE, .tag = inbox.head.tag, .status = status,
	};

	say(peer, &head, NULL, 0);
}

static void urb_message(struct peer *peer, size_t size)
{
	int r;

	switch (inbox.head.kind) {
	case WIRE_SUBMIT:
		r = submit(peer, size);
		if (r < 0)
			refuse(peer, r);
		break;
	case WIRE_DISCARD:
		vjournal_note(vloop_now(), peer->device->name, NULL, 0,
			      "discard");
		vdevice_discard(peer->device, peer, inbox.head.tag);
		break;
	}
}

/* --- calls; the owner of claims and urbs is the node's first socket */

static struct peer *node_of(uint64_t number)
{
	struct peer *peer = peers;

	while (peer && (peer->number != number || peer->calls))
		peer = peer->next;
	return peer;
}

static void control(struct peer *peer, struct peer *node, size_t size)
{
	uint8_t setup[VDEVICE_SETUP];
	size_t length;
	int r;

	memcpy(setup, &inbox.head.tag, sizeof(setup));
	length = setup[6] | (size_t)setup[7] << 8;
	if (!(setup[0] & 0x80) && size < length)
		length = size;
	r = vdevice_control(node->device, setup, inbox.data, length);
	answer(peer, r, inbox.data, r > 0 && setup[0] & 0x80 ? (size_t)r : 0);
}

static void get_driver(struct peer *peer, struct peer *node)
{
	const struct vinterface *interface =
		vdevice_interface(node->device, inbox.head.a);
	const char *name = node->device->options.kernel_driver;

	if (!interface)
		answer(peer, -EINVAL, NULL, 0);
	else if (interface->claimed)
		answer(peer, 0, "usbfs", 5);
	else if (interface->kernel_driver)
		answer(peer, 0, name, strlen(name));
	else
		answer(peer, -ENODATA, NULL, 0);
}

static int simple_call(struct peer *node, const struct wire_head *head)
{
	struct vdevice *device = node->device;

	switch (head->kind) {
	case WIRE_CLAIM:
		return vdevice_claim(device, node, head->a, head->b);
	case WIRE_RELEASE:
		return vdevice_release(device, node, head->a);
	case WIRE_SET_INTERFACE:
		return vdevice_set_interface(device, node, head->a, head->b);
	case WIRE_SET_CONFIGURATION:
		return vdevice_set_configuration(device, head->a);
	case WIRE_CLEAR_HALT:
		return vdevice_clear_halt(device, head->a);
	case WIRE_RESET:
		return vdevice_reset(device);
	case WIRE_DRIVER_OFF:
		return vdevice_driver(device, head->a, false);
	case WIRE_DRIVER_ON:
		return vdevice_driver(device, head->a, true);
	}
	return -ENOTTY;
}

static void call_message(struct peer *peer, size_t size)
{
	struct peer *node = node_of(peer->number);

	if (!node || !node->device)
		answer(peer, -ENODEV, NULL, 0);
	else if (inbox.head.kind == WIRE_CONTROL)
		control(peer, node, size);
	else if (inbox.head.kind == WIRE_GET_DRIVER)
		get_driver(peer, node);
	else
		answer(peer, simple_call(node, &inbox.head), NULL, 0);
}

/* --- sockets */

static void hang_up(struct peer *peer)
{
	struct peer **place = &peers;

	if (!peer->calls && peer->device) {
		vjournal_note(vloop_now(), peer->device->name, NULL, 0,
			      "close");
		vdevice_close(peer->device, peer);
	}
	while (*place != peer)
		place = &(*place)->next;
	*place = peer->next;
	while (peer->backlog)
		drop_backlog(peer);
	vloop_remove(&peer->watch);
	close(peer->watch.fd);
	free(peer);
}

static void open_node(struct peer *peer)
{
	struct vdevice *device = vdevice_at(inbox.head.a, inbox.head.b);
	struct wire_head head = { .tag = last_number + 1 };

	if (!device || device->options.open_denied) {
		answer(peer, device ? -EACCES : -ENOENT, NULL, 0);
		return;
	}
	peer->number = ++last_number;
	peer->device = device;
	device->counts.number[VCOUNT_OPENS]++;
	vjournal_note(vloop_now(), device->name, NULL, 0, "open");
	head.a = device->options.speed;
	say(peer, &head, device->descriptors, device->size);
}

static void first_message(struct peer *peer)
{
	if (inbox.head.kind == WIRE_OPEN) {
		open_node(peer);
	} else if (inbox.head.kind == WIRE_ATTACH) {
		peer->number = inbox.head.tag;
		peer->calls = true;
	}
}

static void take(struct peer *peer, size_t size)
{
	if (!peer->number)
		first_message(peer);
	else if (peer->calls)
		call_message(peer, size);
	else if (peer->device)
		urb_message(peer, size);
}

/* One message into the inbox: bytes of data, -1 if there is none. */
static ssize_t next_message(struct peer *peer)
{
	ssize_t n = recv(peer->watch.fd, &inbox, sizeof(inbox), MSG_DONTWAIT);

	if (n < (ssize_t)sizeof(inbox.head)) {
		if (n >= 0)
			errno = ENOTCONN;
		return -1;
	}
	return n - (ssize_t)sizeof(inbox.head);
}

/* What was submitted before a call must be seen before it. */
static void catch_up(const struct peer *calls)
{
	struct peer *node = node_of(calls->number);
	ssize_t n;

	while (node && node->device && (n = next_message(node)) >= 0)
		take(node, (size_t)n);
}

static void peer_ready(struct vloop_watch *watch, uint32_t events)
{
	struct peer *peer = vloop_owner(watch, struct peer, watch);
	ssize_t n;

	if (events & EPOLLOUT)
		say_late(peer);
	if (!(events & (EPOLLIN | EPOLLHUP)))
		return;
	if (peer->calls)
		catch_up(peer);
	n = next_message(peer);
	if (n >= 0)
		take(peer, (size_t)n);
	else if (errno != EAGAIN)
		hang_up(peer);
}

static void listener_ready(struct vloop_watch *watch, uint32_t events)
{
	const int size = WIRE_SOCKET_BUFFER;
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct peer *peer;

	(void)events;
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		abort();
	peer->watch = (struct vloop_watch){ fd, peer_ready };
	peer->next = peers;
	peers = peer;
	vloop_add(&peer->watch, EPOLLIN);
}

int vserver_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	unlink(path);
	listener.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	listener.ready = listener_ready;
	if (listener.fd < 0 ||
	    bind(listener.fd, (struct sockaddr *)&address,
		 sizeof(address)) < 0 || listen(listener.fd, 64) < 0)
		return -errno;
	vloop_add(&listener, EPOLLIN);
	return 0;
}

void vserver_unplug(struct vdevice *device)
{
	vdevice_unplug(device);
	for (struct peer *peer = peers; peer; peer = peer->next) {
		const struct peer *node = peer->calls ? node_of(peer->number) :
							peer;

		if (node && node->device == device && peer->calls)
			shutdown(peer->watch.fd, SHUT_RDWR);
	}
	for (struct peer *peer = peers; peer; peer = peer->next) {
		if (peer->device != device)
			continue;
		peer->device = NULL;
		shutdown(peer->watch.fd, SHUT_RDWR);
	}
}
