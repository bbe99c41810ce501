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
 */
#include <fcntl.h>
#include <libusb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

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

	for (int i = 0; i < WARM; i++, command[6]++)
		exchange();
	before = switches();
	for (long i = 0; i < count; i++, command[6]++)
		exchange();
	printf("%.2f\n", (double)(switches() - before) / (double)count);
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
	if (threaded)
		run(by_thread, atol(argv[3]));
	else if (strcmp(argv[2], "alone") == 0)
		run(by_caller, atol(argv[3]));
	else
		run(by_calls, atol(argv[3]));
	return 0;
}
