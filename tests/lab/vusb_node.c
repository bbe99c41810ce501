/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vusb_node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "vusb_wire.h"

#define FDS		4096
#define USB_MAJOR	189
#define SETUP_SIZE	8
#define CONTROL_MAX	4096	/* usbfs takes no more */

/*
 * ZERO_PACKET, NO_PACKET_SIZE_LIM, BULK_SCATTER_GATHER and
 * REAP_AFTER_DISCONNECT: without the second libusb cuts urbs at 16 KiB.
 */
#define CAPABILITIES	0x1d

struct node {
	int calls;			/* socket of the calls */
	pthread_mutex_t call_lock;	/* guards it; held across I/O */
	pthread_mutex_t reap_lock;	/* guards inbox; held across I/O */
	unsigned bus, address, speed;
	off_t position;
	size_t size;			/* of descriptors */
	uint8_t descriptors[2048];
	struct {
		struct wire_head head;
		uint8_t data[WIRE_DATA_MAX];
	} inbox;
};

/* By descriptor */
static struct node *nodes[FDS];

static int fail(int error)
{
	errno = error;
	return -1;
}

struct node *node_of(int fd)
{
	if (fd < 0 || fd >= FDS)
		return NULL;
	return __atomic_load_n(&nodes[fd], __ATOMIC_ACQUIRE);
}

bool node_place(const char *path, unsigned *ret_bus, unsigned *ret_address)
{
	char behind;

	return strncmp(path, VUSB_ROOT "/", sizeof(VUSB_ROOT)) == 0 &&
	       sscanf(path + sizeof(VUSB_ROOT), "%3u/%3u%c", ret_bus,
		      ret_address, &behind) == 2 &&
	       getenv("VUSB_SOCKET");
}

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int size = WIRE_SOCKET_BUFFER;
	int fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		 getenv("VUSB_SOCKET"));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Sends head and data. -1 with ENODEV where vreader has hung up. */
static int say(int fd, const struct wire_head *head, const void *data,
	       size_t size)
{
	struct iovec parts[] = {
		{ (void *)(uintptr_t)head, sizeof(*head) },
		{ (void *)(uintptr_t)data, size },
	};
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	do {
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? fail(ENODEV) : 0;
}

/* Waits for the answer. Bytes of data, or -1 with errno. */
static ssize_t hear(int fd, struct wire_head *head, void *data, size_t room)
{
	struct iovec parts[] = { { head, sizeof(*head) }, { data, room } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	do {
		n = recvmsg(fd, &message, 0);
	} while (n < 0 && errno == EINTR);
	if (n < (ssize_t)sizeof(*head))
		return fail(ENODEV);
	if (head->status)
		return fail(-head->status);
	return n - (ssize_t)sizeof(*head);
}

static int introduce(struct node *node, int fd)
{
	struct wire_head head = {
		.kind = WIRE_OPEN, .a = node->bus, .b = node->address,
	};
	ssize_t n;

	if (say(fd, &head, NULL, 0) < 0)
		return -1;
	n = hear(fd, &head, node->descriptors, sizeof(node->descriptors));
	if (n < 0)
		return -1;
	node->size = (size_t)n;
	node->speed = head.a;
	node->calls = dial();
	if (node->calls < 0)
		return -1;
	head.kind = WIRE_ATTACH;
	return say(node->calls, &head, NULL, 0);
}

static void node_free(struct node *node)
{
	if (node->calls >= 0)
		close(node->calls);
	pthread_mutex_destroy(&node->call_lock);
	pthread_mutex_destroy(&node->reap_lock);
	munmap(node, sizeof(*node));
}

/* Not from the heap, whose size shall tell of the program alone. */
static struct node *node_new(void)
{
	void *node = mmap(NULL, sizeof(struct node), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return node == MAP_FAILED ? NULL : node;
}

int node_open(unsigned bus, unsigned address, int flags)
{
	struct node *node = node_new();
	int fd, error;

	if (!node)
		return fail(ENOMEM);
	node->calls = -1;
	node->bus = bus;
	node->address = address;
	pthread_mutex_init(&node->call_lock, NULL);
	pthread_mutex_init(&node->reap_lock, NULL);
	fd = dial();
	if (fd >= 0 && !(flags & O_CLOEXEC))
		fcntl(fd, F_SETFD, 0);
	if (fd >= 0 && fd < FDS && introduce(node, fd) == 0) {
		__atomic_store_n(&nodes[fd], node, __ATOMIC_RELEASE);
		return fd;
	}
	error = fd < 0 ? ENOENT : errno;
	if (fd >= 0)
		close(fd);
	node_free(node);
	return fail(error);
}

void node_close(struct node *node, int fd)
{
	__atomic_store_n(&nodes[fd], NULL, __ATOMIC_RELEASE);
	node_free(node);
}

ssize_t node_read(struct node *node, void *buffer, size_t size)
{
	size_t rest = node->size - (size_t)node->position;

	if (size > rest)
		size = rest;
	memcpy(buffer, node->descriptors + node->position, size);
	node->position += (off_t)size;
	return (ssize_t)size;
}

off_t node_seek(struct node *node, off_t offset, int whence)
{
	off_t to = whence == SEEK_CUR ? node->position + offset : offset;

	if (whence == SEEK_END || to < 0 || to > (off_t)node->size)
		return fail(EINVAL);
	node->position = to;
	return to;
}

ssize_t node_link(const char *path, char *buffer, size_t size)
{
	char text[sizeof(VUSB_ROOT "/000/000")];
	struct node *node;
	int fd, n;

	if (sscanf(path, "/proc/self/fd/%d", &fd) != 1)
		return -1;
	node = node_of(fd);
	if (!node)
		return -1;
	n = snprintf(text, sizeof(text), VUSB_ROOT "/%03u/%03u", node->bus % 1000,
		     node->address % 1000);
	if ((size_t)n < size)
		size = (size_t)n;
	memcpy(buffer, text, size);
	return (ssize_t)size;
}

dev_t node_number(const struct node *node)
{
	return makedev(USB_MAJOR, (node->bus - 1) * 128 + node->address - 1);
}

/* --- urbs */

static int submit(int fd, struct usbdevfs_urb *urb)
{
	const uint8_t *bytes = urb->buffer;
	struct wire_head head = {
		.kind = WIRE_SUBMIT,
		.tag = (uintptr_t)urb,
		.a = urb->endpoint,
		.b = urb->type,
		.flags = urb->flags,
		.length = (uint32_t)urb->buffer_length,
	};
	size_t size = (size_t)urb->buffer_length;

	if (urb->buffer_length < 0 || urb->type == USBDEVFS_URB_TYPE_ISO)
		return fail(EINVAL);
	if (urb->type == USBDEVFS_URB_TYPE_CONTROL) {
		if (size < SETUP_SIZE || size > SETUP_SIZE + CONTROL_MAX)
			return fail(EINVAL);
		head.length -= SETUP_SIZE;
		if (bytes[0] & 0x80)
			size = SETUP_SIZE;
	} else if (urb->endpoint & 0x80) {
		size = 0;
	}
	if (size > WIRE_DATA_MAX)
		return fail(ENOMEM);
	urb->status = -EINPROGRESS;
	urb->actual_length = 0;
	return say(fd, &head, urb->buffer, size);
}

static int discard(int fd, const void *urb)
{
	const struct wire_head head = {
		.kind = WIRE_DISCARD, .tag = (uintptr_t)urb,
	};

	return say(fd, &head, NULL, 0);
}

/* One finished urb into node's inbox: bytes of data, -1 with errno. */
static ssize_t receive(struct node *node, int fd, int flags)
{
	ssize_t n = recv(fd, &node->inbox, sizeof(node->inbox), flags);

	/* vreader ended with something unread: what it said before still comes */
	if (n < 0 && errno == ECONNRESET)
		n = recv(fd, &node->inbox, sizeof(node->inbox), flags);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	if (n < (ssize_t)sizeof(node->inbox.head))
		return fail(ENODEV);
	return n - (ssize_t)sizeof(node->inbox.head);
}

/* Nothing is kept: tests look for what others leave in memory. */
static void finish(struct node *node, size_t size)
{
	const struct wire_head *head = &node->inbox.head;
	struct usbdevfs_urb *urb = (struct usbdevfs_urb *)(uintptr_t)head->tag;
	uint8_t *to = urb->buffer;
	size_t room = (size_t)urb->buffer_length;

	if (urb->type == USBDEVFS_URB_TYPE_CONTROL) {
		to += SETUP_SIZE;
		room -= SETUP_SIZE;
	}
	memcpy(to, node->inbox.data, size < room ? size : room);
	urb->status = head->status;
	urb->actual_length = (int)head->length;
	explicit_bzero(node->inbox.data, size);
}

static int reap(struct node *node, int fd, void **ret_urb, int flags)
{
	ssize_t n;

	pthread_mutex_lock(&node->reap_lock);
	n = receive(node, fd, flags);
	if (n >= 0) {
		finish(node, (size_t)n);
		*ret_urb = (void *)(uintptr_t)node->inbox.head.tag;
	}
	pthread_mutex_unlock(&node->reap_lock);
	return n < 0 ? -1 : 0;
}

/* --- calls that wait for their answer */

static ssize_t call(struct node *node, struct wire_head *head, const void *out,
		    size_t size, void *in, size_t room)
{
	ssize_t n = -1;

	pthread_mutex_lock(&node->call_lock);
	if (say(node->calls, head, out, size) == 0)
		n = hear(node->calls, head, in, room);
	pthread_mutex_unlock(&node->call_lock);
	return n;
}

static int simple_call(struct node *node, uint32_t kind, uint32_t a, uint32_t b)
{
	struct wire_head head = { .kind = kind, .a = a, .b = b };

	return call(node, &head, NULL, 0, NULL, 0) < 0 ? -1 : 0;
}

static int control(struct node *node, struct usbdevfs_ctrltransfer *transfer)
{
	const bool in = transfer->bRequestType & 0x80;
	struct wire_head head = { .kind = WIRE_CONTROL };
	ssize_t n;

	if (transfer->wLength > CONTROL_MAX)
		return fail(EINVAL);
	memcpy(&head.tag, transfer, SETUP_SIZE);
	n = call(node, &head, transfer->data, in ? 0 : transfer->wLength,
		 transfer->data, in ? transfer->wLength : 0);
	return n < 0 ? -1 : (int)head.length;
}

static int get_driver(struct node *node, struct usbdevfs_getdriver *driver)
{
	struct wire_head head = {
		.kind = WIRE_GET_DRIVER, .a = driver->interface,
	};
	ssize_t n = call(node, &head, NULL, 0, driver->driver,
			 sizeof(driver->driver) - 1);

	if (n < 0)
		return -1;
	driver->driver[n] = '\0';
	return 0;
}

static int driver_call(struct node *node, const struct usbdevfs_ioctl *inner)
{
	switch ((unsigned)inner->ioctl_code) {
	case USBDEVFS_DISCONNECT:
		return simple_call(node, WIRE_DRIVER_OFF, (uint32_t)inner->ifno,
				   0);
	case USBDEVFS_CONNECT:
		return simple_call(node, WIRE_DRIVER_ON, (uint32_t)inner->ifno,
				   0);
	}
	return fail(ENOTTY);
}

static int connect_info(const struct node *node,
			struct usbdevfs_connectinfo *ret_info)
{
	ret_info->devnum = node->address;
	ret_info->slow = 0;
	return 0;
}

int node_ioctl(struct node *node, int fd, unsigned long request,
	       void *argument)
{
	const struct usbdevfs_setinterface *setting = argument;
	const unsigned *number = argument;

	switch (request) {
	case USBDEVFS_SUBMITURB:
		return submit(fd, argument);
	case USBDEVFS_REAPURBNDELAY:
		return reap(node, fd, argument, MSG_DONTWAIT);
	case USBDEVFS_REAPURB:
		return reap(node, fd, argument, 0);
	case USBDEVFS_DISCARDURB:
		return discard(fd, argument);
	case USBDEVFS_CONTROL:
		return control(node, argument);
	case USBDEVFS_CLAIMINTERFACE:
		return simple_call(node, WIRE_CLAIM, *number, 0);
	case USBDEVFS_DISCONNECT_CLAIM:
		return simple_call(node, WIRE_CLAIM, *number, 1);
	case USBDEVFS_RELEASEINTERFACE:
		return simple_call(node, WIRE_RELEASE, *number, 0);
	case USBDEVFS_SETINTERFACE:
		return simple_call(node, WIRE_SET_INTERFACE, setting->interface,
				   setting->altsetting);
	case USBDEVFS_SETCONFIGURATION:
		return simple_call(node, WIRE_SET_CONFIGURATION, *number, 0);
	case USBDEVFS_CLEAR_HALT:
		return simple_call(node, WIRE_CLEAR_HALT, *number, 0);
	case USBDEVFS_RESET:
		return simple_call(node, WIRE_RESET, 0, 0);
	case USBDEVFS_GETDRIVER:
		return get_driver(node, argument);
	case USBDEVFS_IOCTL:
		return driver_call(node, argument);
	case USBDEVFS_CONNECTINFO:
		return connect_info(node, argument);
	case USBDEVFS_GET_CAPABILITIES:
		*(uint32_t *)argument = CAPABILITIES;
		return 0;
	case USBDEVFS_GET_SPEED:
		return (int)node->speed;
	}
	return fail(ENOTTY);
}

/* At the end of the stream a socket is readable though no urb is left. */
bool node_writable(int fd, short revents)
{
	char byte;

	if (!(revents & POLLIN))
		return false;
	return !(revents & POLLHUP) ||
	       recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) > 0;
}
