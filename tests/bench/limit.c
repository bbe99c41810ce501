/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit - the least that a command and its reply cost through libusb.
 *
 *     limit NODE calls|alone|thread COUNT
 *
 * Nothing but commands to the reader that asks for its status, in three ways.
 * Prints the voluntary context switches of one; the program "limits" counts its
 * system calls.
 *
 *   calls   libusb's blocking calls: out, then in
 *   alone   both transfers at once; the caller handles the events
 *   thread  the same, with a thread of its own for the events, for an interrupt
 *           transfer is under way all the time: what a driver has to do that
 *           shall hear of a movement in the very moment
 *   aside   the same, but that thread waits in epoll, and the caller takes the
 *           device out of it for as long as it handles the events itself
 */
#include <fcntl.h>
#include <libusb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#define OUT		0x01
#define IN		0x81
#define INTERRUPT	0x82
#define WAIT_MS		5000
#define WARM		10

static libusb_context *context;
static libusb_device_handle *handle;
static struct libusb_transfer *out, *in, *interrupt;
static uint8_t command[10] = { 0x65 }, reply[64], message[8];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t replied = PTHREAD_COND_INITIALIZER;
static int pending;	/* transfers; guarded by the lock where there is a thread */
static bool threaded;
static int ending;
static int node, epoll;

static void fail(const char *what)
{
	fprintf(stderr, "limit: %s\n", what);
	exit(1);
}

static void done(struct libusb_transfer *transfer)
{
	int left;

	(void)transfer;
	if (threaded)
		pthread_mutex_lock(&lock);
	left = --pending;
	if (threaded)
		pthread_mutex_unlock(&lock);
	if (threaded && !left)
		pthread_cond_signal(&replied);
}

static void ignore(struct libusb_transfer *transfer)
{
	(void)transfer;
}

static void *handle_events(void *argument)
{
	while (!__atomic_load_n(&ending, __ATOMIC_ACQUIRE)) {
		struct timeval wait = { .tv_sec = 1000000 };

		libusb_handle_events_timeout_completed(context, &wait,
						       &ending);
	}
	return argument;
}

static void watch(int what, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (fd == node)
		event.events = EPOLLOUT;
	if (epoll_ctl(epoll, what, fd, &event))
		fail("epoll_ctl");
}

static void *wait_aside(void *argument)
{
	struct epoll_event event;
	struct timeval none = { 0 };

	while (epoll_wait(epoll, &event, 1, -1) == 1)
		libusb_handle_events_timeout(context, &none);
	return argument;
}

static void watch_all(void)
{
	const struct libusb_pollfd **fds = libusb_get_pollfds(context);

	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; fds[i]; i++)
		watch(EPOLL_CTL_ADD, fds[i]->fd);
	libusb_free_pollfds(fds);
}

static void by_calls(void)
{
	int n;

	if (libusb_bulk_transfer(handle, OUT, command, sizeof(command), &n,
				 WAIT_MS) ||
	    libusb_bulk_transfer(handle, IN, reply, sizeof(reply), &n, WAIT_MS))
		fail("bulk transfer");
}

static void submit(void)
{
	pending = 2;
	if (libusb_submit_transfer(in) || libusb_submit_transfer(out))
		fail("submit");
}

static void by_caller(void)
{
	submit();
	while (pending)
		libusb_handle_events_completed(context, NULL);
}

static void by_caller_aside(void)
{
	watch(EPOLL_CTL_DEL, node);
	by_caller();
	watch(EPOLL_CTL_ADD, node);
}

static void by_thread(void)
{
	pthread_mutex_lock(&lock);
	submit();
	while (pending)
		pthread_cond_wait(&replied, &lock);
	pthread_mutex_unlock(&lock);
}

static void open_node(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	node = fd;
	libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
	if (fd < 0 || libusb_init(&context) ||
	    libusb_wrap_sys_device(context, fd, &handle) ||
	    libusb_claim_interface(handle, 0))
		fail("open");
	out = libusb_alloc_transfer(0);
	in = libusb_alloc_transfer(0);
	interrupt = libusb_alloc_transfer(0);
	if (!out || !in || !interrupt)
		fail("memory");
	libusb_fill_bulk_transfer(out, handle, OUT, command, sizeof(command),
				  done, NULL, 0);
	libusb_fill_bulk_transfer(in, handle, IN, reply, sizeof(reply), done,
				  NULL, 0);
	libusb_fill_interrupt_transfer(interrupt, handle, INTERRUPT, message,
				       sizeof(message), ignore, NULL, 0);
}

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

static void run(void exchange(void), long count)
{
	long before;
	struct timespec a, b;

	for (int i = 0; i < WARM; i++, command[6]++)
		exchange();
	before = switches();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (long i = 0; i < count; i++, command[6]++)
		exchange();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	printf("%.2f %.1f\n", (double)(switches() - before) / (double)count,
	       ((double)(b.tv_sec - a.tv_sec) * 1e6 +
		(double)(b.tv_nsec - a.tv_nsec) / 1e3) / (double)count);
}

int main(int argc, char *argv[])
{
	pthread_t thread;

	if (argc != 4)
		fail("usage: limit NODE calls|alone|thread COUNT");
	open_node(argv[1]);
	threaded = strcmp(argv[2], "thread") == 0;
	if (threaded && (libusb_submit_transfer(interrupt) ||
			 pthread_create(&thread, NULL, handle_events, NULL)))
		fail("thread");
	if (strcmp(argv[2], "aside") == 0) {
		if (libusb_submit_transfer(interrupt))
			fail("submit");
		watch_all();
		if (pthread_create(&thread, NULL, wait_aside, NULL))
			fail("thread");
		run(by_caller_aside, atol(argv[3]));
	} else if (threaded)
		run(by_thread, atol(argv[3]));
	else if (strcmp(argv[2], "alone") == 0)
		run(by_caller, atol(argv[3]));
	else
		run(by_calls, atol(argv[3]));
	return 0;
}
