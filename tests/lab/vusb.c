/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vusb - preloaded: turns /dev/bus/usb/BBB/DDD into a socket to vreader.
 *
 * For libusb in pcscd or in a test. VUSB_SOCKET names vreader's socket; without
 * it nothing changes. With it, no real device can be opened. VUSB_NODES, where
 * it is set, is what opendir() shows in place of /dev/bus/usb. No thread, no
 * timer: whoever polls a node sleeps in the kernel, and each urb costs one
 * system call to submit and one to reap, as on a real node.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vusb_node.h"

#define PUBLIC	__attribute__((visibility("default")))
#define ROOT	VUSB_ROOT
#define FEW	64	/* descriptors that poll() takes without malloc */

/* The next library's function of that name; looked up once. */
#define REAL(name) __extension__ ({					\
	static __typeof__(&name) real;					\
	__typeof__(&name) it = __atomic_load_n(&real, __ATOMIC_RELAXED);\
									\
	if (!it) {							\
		it = (__typeof__(&name))next_symbol(#name);		\
		__atomic_store_n(&real, it, __ATOMIC_RELAXED);		\
	}								\
	it;								\
})

/* glibc's checked variants, which its headers do not always show */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		const sigset_t *mask, size_t size);
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t __readlink_chk(const char *path, char *buffer, size_t size,
		       size_t room);

static void *next_symbol(const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	if (!symbol) {
		fprintf(stderr, "vusb: no %s\n", name);
		abort();
	}
	return symbol;
}

/* --- open and close */

static mode_t mode_of(int flags, va_list arguments)
{
	if (flags & (O_CREAT | __O_TMPFILE))
		return va_arg(arguments, mode_t);
	return 0;
}

#define OPEN_BODY(name, path, ...)					\
	unsigned bus, address;						\
	mode_t mode;							\
	va_list arguments;						\
									\
	if (node_place(path, &bus, &address))				\
		return node_open(bus, address, flags);				\
	va_start(arguments, flags);					\
	mode = mode_of(flags, arguments);				\
	va_end(arguments);						\
	return REAL(name)(__VA_ARGS__, flags, mode)

#define OPEN_2_BODY(name, path, ...)					\
	unsigned bus, address;						\
									\
	if (node_place(path, &bus, &address))				\
		return node_open(bus, address, flags);				\
	return REAL(name)(__VA_ARGS__, flags)

PUBLIC int open(const char *path, int flags, ...)
{
	OPEN_BODY(open, path, path);
}

PUBLIC int open64(const char *path, int flags, ...)
{
	OPEN_BODY(open64, path, path);
}

PUBLIC int openat(int dir, const char *path, int flags, ...)
{
	OPEN_BODY(openat, path, dir, path);
}

PUBLIC int openat64(int dir, const char *path, int flags, ...)
{
	OPEN_BODY(openat64, path, dir, path);
}

PUBLIC int __open_2(const char *path, int flags)
{
	OPEN_2_BODY(__open_2, path, path);
}

PUBLIC int __open64_2(const char *path, int flags)
{
	OPEN_2_BODY(__open64_2, path, path);
}

PUBLIC int __openat_2(int dir, const char *path, int flags)
{
	OPEN_2_BODY(__openat_2, path, dir, path);
}

PUBLIC int __openat64_2(int dir, const char *path, int flags)
{
	OPEN_2_BODY(__openat64_2, path, dir, path);
}

PUBLIC int close(int fd)
{
	struct node *node = node_of(fd);

	if (node)
		node_close(node, fd);
	return REAL(close)(fd);
}

PUBLIC DIR *opendir(const char *path)
{
	const char *root = getenv("VUSB_NODES");
	char elsewhere[1024];

	if (!root || strncmp(path, ROOT, sizeof(ROOT) - 1) != 0)
		return REAL(opendir)(path);
	snprintf(elsewhere, sizeof(elsewhere), "%s%s", root,
		 path + sizeof(ROOT) - 1);
	return REAL(opendir)(elsewhere);
}

/* --- what a node is and holds */

PUBLIC ssize_t read(int fd, void *buffer, size_t size)
{
	struct node *node = node_of(fd);

	return node ? node_read(node, buffer, size) :
		      REAL(read)(fd, buffer, size);
}

PUBLIC ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room)
{
	struct node *node = node_of(fd);

	return node ? node_read(node, buffer, size) :
		      REAL(__read_chk)(fd, buffer, size, room);
}

PUBLIC off_t lseek(int fd, off_t offset, int whence)
{
	struct node *node = node_of(fd);

	return node ? node_seek(node, offset, whence) :
		      REAL(lseek)(fd, offset, whence);
}

PUBLIC off64_t lseek64(int fd, off64_t offset, int whence)
{
	struct node *node = node_of(fd);

	return node ? node_seek(node, (off_t)offset, whence) :
		      REAL(lseek64)(fd, offset, whence);
}

PUBLIC ssize_t readlink(const char *path, char *buffer, size_t size)
{
	ssize_t n = node_link(path, buffer, size);

	return n < 0 ? REAL(readlink)(path, buffer, size) : n;
}

PUBLIC ssize_t __readlink_chk(const char *path, char *buffer, size_t size,
			      size_t room)
{
	ssize_t n = node_link(path, buffer, size);

	return n < 0 ? REAL(__readlink_chk)(path, buffer, size, room) : n;
}

#define FSTAT_BODY(name)						\
	struct node *node = node_of(fd);				\
	int r = REAL(name)(fd, stat);					\
									\
	if (r < 0 || !node)						\
		return r;						\
	stat->st_mode = S_IFCHR | 0664;					\
	stat->st_rdev = node_number(node);				\
	return 0

PUBLIC int fstat(int fd, struct stat *stat)
{
	FSTAT_BODY(fstat);
}

PUBLIC int fstat64(int fd, struct stat64 *stat)
{
	FSTAT_BODY(fstat64);
}

PUBLIC int ioctl(int fd, unsigned long request, ...)
{
	struct node *node = node_of(fd);
	void *argument;
	va_list arguments;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	return node ? node_ioctl(node, fd, request, argument) :
		      REAL(ioctl)(fd, request, argument);
}

/* --- poll: a node is writable when an urb can be reaped */

static bool any_node(const struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		if (node_of(fds[i].fd))
			return true;
	return false;
}

static void disguise(const struct pollfd *fds, nfds_t n, struct pollfd *ret)
{
	for (nfds_t i = 0; i < n; i++) {
		ret[i] = fds[i];
		if (node_of(fds[i].fd))
			ret[i].events = fds[i].events & POLLOUT ? POLLIN : 0;
	}
}

static void undisguise(struct pollfd *fds, nfds_t n, const struct pollfd *seen)
{
	for (nfds_t i = 0; i < n; i++) {
		short revents = seen[i].revents;

		fds[i].revents = revents;
		if (!node_of(fds[i].fd))
			continue;
		fds[i].revents = 0;
		if (node_writable(fds[i].fd, revents))
			fds[i].revents |= POLLOUT;
		if (revents & (POLLHUP | POLLERR))
			fds[i].revents |= POLLHUP | POLLERR;
	}
}

static int poll_nodes(struct pollfd *fds, nfds_t n,
		      const struct timespec *timeout, const sigset_t *mask)
{
	struct pollfd few[FEW];
	struct pollfd *all = n <= FEW ? few : calloc(n, sizeof(*all));
	int r;

	if (!all) {
		errno = ENOMEM;
		return -1;
	}
	disguise(fds, n, all);
	r = REAL(ppoll)(all, n, timeout, mask);
	if (r >= 0)
		undisguise(fds, n, all);
	if (all != few)
		free(all);
	return r;
}

PUBLIC int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		 const sigset_t *mask)
{
	if (!any_node(fds, n))
		return REAL(ppoll)(fds, n, timeout, mask);
	return poll_nodes(fds, n, timeout, mask);
}

PUBLIC int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const struct timespec time = {
		timeout / 1000, (timeout % 1000) * 1000000L,
	};

	if (!any_node(fds, n))
		return REAL(poll)(fds, n, timeout);
	return poll_nodes(fds, n, timeout < 0 ? NULL : &time, NULL);
}

PUBLIC int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	(void)size;
	return poll(fds, n, timeout);
}

PUBLIC int __ppoll_chk(struct pollfd *fds, nfds_t n,
		       const struct timespec *timeout, const sigset_t *mask,
		       size_t size)
{
	(void)size;
	return ppoll(fds, n, timeout, mask);
}

/* Who waits this way is told that a node is ready, and not for what. */
PUBLIC int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	struct epoll_event seen;

	if (!event || !node_of(fd))
		return REAL(epoll_ctl)(epoll, what, fd, event);
	seen = *event;
	if (event->events & EPOLLOUT)
		seen.events = (event->events & ~(uint32_t)EPOLLOUT) | EPOLLIN;
	return REAL(epoll_ctl)(epoll, what, fd, &seen);
}
