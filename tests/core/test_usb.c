/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This side of usb.h, over a libusb that a test plays: each of its functions
 * fails with each of its errors, memory and the thread are refused, and what
 * was taken is given back.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <libusb.h>

#include "ccid.h"
#include "clock.h"
#include "holder.h"
#include "iccd.h"
#include "log.h"
#include "node.h"
#include "time_scale.h"
#include "usb.h"

#define LENGTH(array)	(sizeof(array) / sizeof((array)[0]))

#define STEPS_MAX	100
#define PIPE_SIZE	4096
#define HANGS_S		60
#define OUT_ADDRESS	0x01
#define IN_ADDRESS	0x82
#define INTERRUPT_ADDRESS	0x83
#define SETTING		2	/* bAlternateSetting */
#define COMMAND_SIZE	10
#define NAME_INDEX	1	/* iProduct */

static const int errors[] = {
	LIBUSB_ERROR_IO, LIBUSB_ERROR_INVALID_PARAM, LIBUSB_ERROR_ACCESS,
	LIBUSB_ERROR_NO_DEVICE, LIBUSB_ERROR_NOT_FOUND, LIBUSB_ERROR_BUSY,
	LIBUSB_ERROR_TIMEOUT, LIBUSB_ERROR_OVERFLOW, LIBUSB_ERROR_PIPE,
	LIBUSB_ERROR_INTERRUPTED, LIBUSB_ERROR_NO_MEM,
	LIBUSB_ERROR_NOT_SUPPORTED, LIBUSB_ERROR_OTHER,
};

static const int told[] = {
	-ENODEV, -EACCES, -EBUSY, -EPIPE, -EOVERFLOW, -ETIMEDOUT, -ECANCELED,
	-ENOMEM, -EIO, -ENXIO, -EPROTO,
};

static const uint8_t class_descriptor[DESC_SIZE] = {
	0x36, 0x21, 0x10, 0x01, 0x00, 0x07, 0x03, 0x00, 0x00, 0x00,
	0xA0, 0x0F, 0x00, 0x00, 0xA0, 0x0F, 0x00, 0x00, 0x00,
	0x00, 0x2A, 0x00, 0x00, 0x00, 0x2A, 0x00, 0x00, 0x00,
	0xFE, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0xBA, 0x00, 0x02, 0x00,
	0x0F, 0x01, 0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x01,
};

/* --- the world: a device, who holds what of it, what fails */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;

	struct libusb_endpoint_descriptor endpoint[3];
	struct libusb_interface_descriptor setting;
	struct libusb_interface interface;
	struct libusb_config_descriptor config;
	bool configured;
	unsigned language;	/* of its strings; 0: it has no list */
	const uint8_t *text;	/* a string of so many bytes, or NULL: "R" */
	int text_size;
	bool stolen;	/* the interface, by another program */

	int fd, far;	/* a pipe, full unless libusb has something to tell */
	int bell;	/* an eventfd; libusb's own */
	bool epoll;	/* may be had */
	unsigned deaf_in;	/* the n-th descriptor more is not taken */
	unsigned waits;	/* in epoll */
	unsigned dropped;	/* descriptors, by the event thread */
	unsigned by_thread, by_attendant;	/* called back */
	int contexts, handles, configs, claims, transfers, threads;
	int alternate;	/* that was chosen; -1: none since the reset */
	struct libusb_transfer *under_way[3];
	bool cancelled[3];
	bool interrupted;
	unsigned done;	/* transfers whose end was told */
	uint64_t now;

	/* the n-th from now; 0: none */
	unsigned fail_in, memory_in, thread_in, events_in;
	int error;
	unsigned busy;	/* claims that are refused */
} world;

static uint8_t page[PIPE_SIZE];
static pthread_t tester;

static void lock(void)
{
	pthread_mutex_lock(&world.lock);
}

static void unlock(void)
{
	pthread_cond_broadcast(&world.changed);
	pthread_mutex_unlock(&world.lock);
}

static bool is_time(unsigned *countdown)
{
	return *countdown && --*countdown == 0;
}

static int operate(void)
{
	return is_time(&world.fail_in) ? world.error : 0;
}

static void set_endpoint(unsigned i, uint8_t address, uint8_t type)
{
	world.endpoint[i].bEndpointAddress = address;
	world.endpoint[i].bmAttributes = type;
	world.endpoint[i].wMaxPacketSize = 64;
}

static int make(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	pthread_mutex_init(&world.lock, NULL);
	pthread_cond_init(&world.changed, NULL);
	set_endpoint(0, INTERRUPT_ADDRESS, LIBUSB_TRANSFER_TYPE_INTERRUPT);
	set_endpoint(1, OUT_ADDRESS, LIBUSB_TRANSFER_TYPE_BULK);
	set_endpoint(2, IN_ADDRESS, LIBUSB_TRANSFER_TYPE_BULK);
	world.setting.bInterfaceClass = LIBUSB_CLASS_SMART_CARD;
	world.setting.bAlternateSetting = SETTING;
	world.setting.bNumEndpoints = 3;
	world.setting.endpoint = world.endpoint;
	world.setting.extra = class_descriptor;
	world.setting.extra_length = sizeof(class_descriptor);
	world.interface.altsetting = &world.setting;
	world.interface.num_altsetting = 1;
	world.config.bNumInterfaces = 1;
	world.config.bConfigurationValue = 1;
	world.config.interface = &world.interface;
	world.configured = true;
	world.language = 0x0409;
	world.fd = -1;
	world.far = -1;
	world.epoll = true;
	tester = pthread_self();
	world.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return 0;
}

static int discard(void **state)
{
	(void)state;
	close(world.bell);
	close(world.far);
	pthread_cond_destroy(&world.changed);
	pthread_mutex_destroy(&world.lock);
	return 0;
}

static void make_token(void)
{
	world.setting.bNumEndpoints = 1;
	world.setting.bInterfaceProtocol = ICCD_VERSION_A;
}

/* --- memory and threads */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *argument);
int __real_pthread_join(pthread_t thread, void **ret_value);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *argument);
int __wrap_pthread_join(pthread_t thread, void **ret_value);

void *__wrap_malloc(size_t size)
{
	return is_time(&world.memory_in) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_time(&world.memory_in) ? NULL : __real_calloc(n, size);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *argument)
{
	int r;

	if (is_time(&world.thread_in))
		return EAGAIN;
	r = __real_pthread_create(thread, attributes, start, argument);
	world.threads += r == 0;
	return r;
}

int __wrap_pthread_join(pthread_t thread, void **ret_value)
{
	world.threads--;
	return __real_pthread_join(thread, ret_value);
}

/* --- epoll */

int __real_epoll_create1(int flags);
int __real_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int __real_epoll_wait(int epoll, struct epoll_event *events, int n, int ms);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int n, int ms);

int __wrap_epoll_create1(int flags)
{
	errno = EPERM;
	return world.epoll ? __real_epoll_create1(flags) : -1;
}

int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	int r;

	if (what == EPOLL_CTL_ADD && is_time(&world.deaf_in)) {
		errno = ENOMEM;
		return -1;
	}
	r = __real_epoll_ctl(epoll, what, fd, event);
	lock();
	world.dropped += what == EPOLL_CTL_DEL &&
			 !pthread_equal(tester, pthread_self());
	unlock();
	return r;
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int n, int ms)
{
	lock();
	world.waits++;
	unlock();
	return __real_epoll_wait(epoll, events, n, ms);
}

/* --- what else usb.c calls */

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap___ioctl_time64(int fd, unsigned long request, ...);

/* It claims what should be claimed already. */
static int claim_again(void)
{
	if (!world.stolen)
		return 0;
	errno = EBUSY;
	return -1;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	(void)fd;
	(void)request;
	return claim_again();
}

/* The same where 32 bits are not enough for times. */
int __wrap___ioctl_time64(int fd, unsigned long request, ...)
{
	(void)fd;
	(void)request;
	return claim_again();
}

int node_open(const struct name *name, struct node *ret_node)
{
	int ends[2];

	(void)name;
	close(world.far);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	world.far = ends[0];
	world.fd = ends[1];
	fcntl(world.fd, F_SETPIPE_SZ, PIPE_SIZE);
	assert_int_equal(write(world.fd, page, PIPE_SIZE), PIPE_SIZE);
	*ret_node = (struct node){ world.fd, 3, 7 };
	return 0;
}

void node_path(unsigned bus, unsigned address, char path[NODE_PATH_SIZE])
{
	(void)bus;
	(void)address;
	path[0] = '\0';
}

void holder_describe(const struct node *node, unsigned interface,
		     char text[HOLDER_TEXT])
{
	(void)node;
	(void)interface;
	text[0] = '\0';
}

uint64_t clock_now(void)
{
	return world.now += 100;
}

void log_write(unsigned level, const char *who, const char *format, ...)
{
	(void)level;
	(void)who;
	(void)format;
}

/* --- libusb */

static int take(int *count)
{
	int r;

	lock();
	r = operate();
	*count += r == 0;
	unlock();
	return r;
}

#ifdef HAVE_LIBUSB_INIT_CONTEXT
int libusb_init_context(libusb_context **ret_context,
			const struct libusb_init_option *options, int n)
{
	int r = take(&world.contexts);

	(void)options;
	(void)n;
	if (r == 0)
		*ret_context = (libusb_context *)&world;
	return r;
}
#else
int libusb_init(libusb_context **ret_context)
{
	int r = take(&world.contexts);

	if (r == 0)
		*ret_context = (libusb_context *)&world;
	return r;
}
#endif

void libusb_exit(libusb_context *context)
{
	(void)context;
	world.contexts--;
}

int libusb_wrap_sys_device(libusb_context *context, intptr_t fd,
			   libusb_device_handle **ret_handle)
{
	int r = take(&world.handles);

	(void)context;
	(void)fd;
	if (r == 0)
		*ret_handle = (libusb_device_handle *)&world;
	return r;
}

void libusb_close(libusb_device_handle *handle)
{
	(void)handle;
	world.handles--;
}

libusb_device *libusb_get_device(libusb_device_handle *handle)
{
	return (libusb_device *)handle;
}

int libusb_get_device_descriptor(libusb_device *device,
				 struct libusb_device_descriptor *descriptor)
{
	(void)device;
	memset(descriptor, 0, sizeof(*descriptor));
	descriptor->idVendor = 0x1234;
	descriptor->iProduct = NAME_INDEX;
	return 0;
}

static int give_config(struct libusb_config_descriptor **ret_config)
{
	int r = take(&world.configs);

	if (r == 0)
		*ret_config = &world.config;
	return r;
}

int libusb_get_active_config_descriptor(
	libusb_device *device, struct libusb_config_descriptor **ret_config)
{
	(void)device;
	return world.configured ? give_config(ret_config)
				: LIBUSB_ERROR_NOT_FOUND;
}

int libusb_get_config_descriptor(libusb_device *device, uint8_t index,
				 struct libusb_config_descriptor **ret_config)
{
	(void)device;
	(void)index;
	return give_config(ret_config);
}

void libusb_free_config_descriptor(struct libusb_config_descriptor *config)
{
	(void)config;
	world.configs--;
}

static int succeed(void)
{
	int r;

	lock();
	r = operate();
	unlock();
	return r;
}

int libusb_set_configuration(libusb_device_handle *handle, int value)
{
	(void)handle;
	(void)value;
	return succeed();
}

int libusb_set_auto_detach_kernel_driver(libusb_device_handle *handle,
					 int enable)
{
	(void)handle;
	(void)enable;
	return succeed();
}

int libusb_claim_interface(libusb_device_handle *handle, int number)
{
	(void)handle;
	(void)number;
	if (world.busy) {
		world.busy--;
		return LIBUSB_ERROR_BUSY;
	}
	return take(&world.claims);
}

int libusb_release_interface(libusb_device_handle *handle, int number)
{
	(void)handle;
	(void)number;
	world.claims--;
	return 0;
}

int libusb_set_interface_alt_setting(libusb_device_handle *handle, int number,
				     int alternate)
{
	int r = succeed();

	(void)handle;
	(void)number;
	if (r == 0)
		world.alternate = alternate;
	return r;
}

int libusb_reset_device(libusb_device_handle *handle)
{
	int r = succeed();

	(void)handle;
	if (r == 0)
		world.alternate = -1;
	return r;
}

int libusb_clear_halt(libusb_device_handle *handle, unsigned char endpoint)
{
	(void)handle;
	(void)endpoint;
	return succeed();
}

/* A list of languages, and a name; or nothing. */
int libusb_control_transfer(libusb_device_handle *handle, uint8_t type,
			    uint8_t request, uint16_t value, uint16_t index,
			    unsigned char *data, uint16_t length,
			    unsigned timeout_ms)
{
	const uint8_t languages[] = { 4, LIBUSB_DT_STRING,
				      (uint8_t)world.language,
				      (uint8_t)(world.language >> 8) };
	static const uint8_t name[] = { 4, LIBUSB_DT_STRING, 'R', 0 };
	int r = succeed();

	(void)handle;
	(void)type;
	(void)length;
	(void)timeout_ms;
	if (r < 0 || request != LIBUSB_REQUEST_GET_DESCRIPTOR)
		return r;
	if ((value & 0xFF) != NAME_INDEX) {
		if (!world.language)
			return LIBUSB_ERROR_PIPE;
		memcpy(data, languages, sizeof(languages));
		return sizeof(languages);
	}
	if (world.language && index != world.language)
		return LIBUSB_ERROR_PIPE;
	if (world.text) {
		memcpy(data, world.text, (size_t)world.text_size);
		return world.text_size;
	}
	memcpy(data, name, sizeof(name));
	return sizeof(name);
}

struct libusb_transfer *libusb_alloc_transfer(int packets)
{
	(void)packets;
	if (take(&world.transfers) < 0)
		return NULL;
	return __real_calloc(1, sizeof(struct libusb_transfer));
}

void libusb_free_transfer(struct libusb_transfer *transfer)
{
	world.transfers -= transfer != NULL;
	free(transfer);
}

static enum usb_pipe pipe_of(const struct libusb_transfer *transfer)
{
	switch (transfer->endpoint) {
	case OUT_ADDRESS:
		return USB_OUT;
	case IN_ADDRESS:
		return USB_IN;
	}
	return USB_INTERRUPT;
}

/* Caller locks: the pipe is full if there is nothing to reap. */
static void set_ready(bool ready)
{
	ssize_t n = 0;

	if (world.far < 0)
		return;
	if (ready)
		n = read(world.far, page, PIPE_SIZE);
	else
		n = write(world.fd, page, PIPE_SIZE);
	(void)n;	/* it was so already */
}

/* The interrupt transfer ends by nothing but a cancel. */
static bool has_ended(unsigned pipe)
{
	return world.under_way[pipe] &&
	       (pipe != USB_INTERRUPT || world.cancelled[pipe]);
}

static void look(void)
{
	bool ready = false;

	for (unsigned i = 0; i < LENGTH(world.under_way); i++)
		ready = ready || has_ended(i);
	set_ready(ready);
}

int libusb_submit_transfer(struct libusb_transfer *transfer)
{
	int r;

	lock();
	r = operate();
	if (r == 0) {
		world.cancelled[pipe_of(transfer)] = false;
		world.under_way[pipe_of(transfer)] = transfer;
		look();
	}
	unlock();
	return r;
}

int libusb_cancel_transfer(struct libusb_transfer *transfer)
{
	lock();
	world.cancelled[pipe_of(transfer)] = true;
	look();
	unlock();
	return 0;
}

void libusb_interrupt_event_handler(libusb_context *context)
{
	(void)context;
	lock();
	world.interrupted = true;
	eventfd_write(world.bell, 1);
	unlock();
}

/* What is sent arrives, and is answered by a header; nobody moves a card. */
static struct libusb_transfer *take_ended(void)
{
	for (unsigned i = 0; i < LENGTH(world.under_way); i++) {
		struct libusb_transfer *transfer = world.under_way[i];
		bool cancelled = world.cancelled[i];

		if (!has_ended(i))
			continue;
		world.under_way[i] = NULL;
		transfer->status = cancelled ? LIBUSB_TRANSFER_CANCELLED
					     : LIBUSB_TRANSFER_COMPLETED;
		transfer->actual_length = cancelled ? 0 : COMMAND_SIZE;
		return transfer;
	}
	return NULL;
}

/* Caller locks. */
static void hear_bell(void)
{
	eventfd_t times;

	world.interrupted = false;
	eventfd_read(world.bell, &times);
}

int libusb_handle_events_timeout_completed(libusb_context *context,
					   struct timeval *wait,
					   int *completed)
{
	struct libusb_transfer *transfer = NULL;

	(void)context;
	(void)wait;
	lock();
	if (is_time(&world.events_in)) {
		unlock();
		return LIBUSB_ERROR_INTERRUPTED;
	}
	while (!world.interrupted && !(transfer = take_ended()) &&
	       !__atomic_load_n(completed, __ATOMIC_SEQ_CST))
		pthread_cond_wait(&world.changed, &world.lock);
	hear_bell();
	look();
	unlock();
	if (transfer)
		transfer->callback(transfer);
	return 0;
}

void libusb_lock_events(libusb_context *context)
{
	(void)context;
}

void libusb_unlock_events(libusb_context *context)
{
	(void)context;
}

int libusb_handle_events_locked(libusb_context *context, struct timeval *wait)
{
	struct libusb_transfer *transfer;

	(void)context;
	assert_int_equal(wait->tv_sec, 0);
	assert_int_equal(wait->tv_usec, 0);
	lock();
	hear_bell();
	transfer = take_ended();
	look();
	unlock();
	if (transfer)
		transfer->callback(transfer);
	return 0;
}

const struct libusb_pollfd **libusb_get_pollfds(libusb_context *context)
{
	static struct libusb_pollfd fds[2];
	static const struct libusb_pollfd *list[3];
	static const struct libusb_pollfd *const all[] = { &fds[0], &fds[1] };

	(void)context;
	if (succeed() < 0)
		return NULL;
	fds[0] = (struct libusb_pollfd){ world.bell, POLLIN };
	fds[1] = (struct libusb_pollfd){ world.fd, POLLOUT };
	list[0] = all[0];
	list[1] = all[1];
	return list;
}

void libusb_free_pollfds(const struct libusb_pollfd **fds)
{
	assert_int_equal(fds[1]->fd, world.fd);
}

/* --- a session */

static const struct name name = {
	.vendor = 0x1234,
	.bus = 3,
	.address = 7,
	.interface = NAME_UNTOLD,
	.interface_index = NAME_UNTOLD,
};

struct session {
	struct usb_info info;
	struct usb *usb;
	struct usb_transfer *transfer[USB_PIPES];
	int status[USB_PIPES];
	int first;	/* what failed first, or 0 */
};

/* Whatever it is, usb.h says it. */
static void note(struct session *session, int r)
{
	bool known = r >= 0;

	for (size_t i = 0; i < LENGTH(told); i++)
		known = known || r == told[i];
	assert_true(known);
	if (r < 0 && !session->first)
		session->first = r;
}

static void done(struct usb_transfer *transfer, int status, size_t received)
{
	int *its = transfer->owner;

	(void)received;
	lock();
	*its = status;
	world.done++;
	if (pthread_equal(tester, pthread_self()))
		world.by_attendant++;
	else
		world.by_thread++;
	unlock();
}

static void wait_until(const unsigned *count, unsigned n)
{
	struct timespec end;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += (time_t)(HANGS_S * time_scale());
	pthread_mutex_lock(&world.lock);
	while (*count < n && r == 0)
		r = pthread_cond_timedwait(&world.changed, &world.lock, &end);
	pthread_mutex_unlock(&world.lock);
	assert_int_equal(r, 0);
}

static void wait_for(unsigned transfers)
{
	wait_until(&world.done, transfers);
}

static void talk(struct session *session)
{
	struct usb_transfer *const *transfer = session->transfer;
	unsigned submitted = 0;

	for (unsigned i = 0; i < USB_PIPES; i++) {
		int r;

		if (!transfer[i])
			continue;
		r = usb_submit(transfer[i], COMMAND_SIZE);
		note(session, r);
		submitted += r == 0;
		if (r == 0 && i == USB_INTERRUPT)
			usb_cancel(transfer[i]);
	}
	wait_for(submitted);
}

static void ask(struct session *session)
{
	uint8_t list[4];
	char text[20];

	note(session, usb_request(session->usb, 1, 0, 100));
	note(session, usb_request_in(session->usb, 2, 0, list, 4, 100));
	note(session, usb_string(session->usb, USB_PRODUCT, text, 20));
	note(session, usb_string(session->usb, USB_SERIAL, text, 20));
	assert_string_equal(text, "");
	for (unsigned i = 0; i < USB_PIPES; i++)
		note(session, usb_clear_halt(session->usb, (enum usb_pipe)i));
	note(session, usb_reset(session->usb));
}

static void live(struct session *session, bool pipes)
{
	memset(session, 0, sizeof(*session));
	world.done = 0;
	note(session, usb_open(&name, &session->info, &session->usb));
	if (session->first)
		return;
	if (session->info.held)
		note(session, usb_take(session->usb));
	for (unsigned i = 0; i < USB_PIPES; i++)
		note(session,
		     usb_transfer_new(session->usb, (enum usb_pipe)i, 100, done,
				      &session->status[i],
				      &session->transfer[i]));
	if (pipes)
		talk(session);
	ask(session);
	for (unsigned i = 0; i < USB_PIPES; i++)
		usb_transfer_free(session->transfer[i]);
	usb_close(session->usb);
}

static void assert_nothing_left(void)
{
	assert_int_equal(world.contexts, 0);
	assert_int_equal(world.handles, 0);
	assert_int_equal(world.configs, 0);
	assert_int_equal(world.claims, 0);
	assert_int_equal(world.transfers, 0);
	assert_int_equal(world.threads, 0);
	assert_int_equal(fcntl(world.fd, F_GETFD), -1);
}

static void assert_works(bool pipes)
{
	struct session session;

	live(&session, pipes);
	assert_int_equal(session.first, pipes ? 0 : -EPIPE);
	assert_int_equal(world.alternate, SETTING);
	assert_nothing_left();
}

static void fail_each_call(bool pipes)
{
	unsigned k;

	for (k = 1; k < STEPS_MAX; k++) {
		for (size_t i = 0; i < LENGTH(errors); i++) {
			struct session session;

			world.fail_in = k;
			world.error = errors[i];
			live(&session, pipes);
			assert_nothing_left();
			if (world.fail_in)
				break;
			assert_works(pipes);
		}
		if (world.fail_in)
			break;
	}
	world.fail_in = 0;
	assert_in_range(k, 10, STEPS_MAX - 1);
	print_message("# %u calls, %zu errors each\n", k - 1, LENGTH(errors));
}

/* Returns how many there are. */
static unsigned refuse_each(unsigned *countdown, bool pipes)
{
	unsigned k;

	for (k = 1; k < STEPS_MAX; k++) {
		struct session session;

		*countdown = k;
		live(&session, pipes);
		assert_nothing_left();
		if (*countdown)
			break;
		assert_true(session.first < 0);
		assert_works(pipes);
	}
	*countdown = 0;
	return k - 1;
}

/* --- the cases */

static void each_call_may_fail_with_any_error(void **state)
{
	(void)state;
	fail_each_call(true);
}

static void each_call_for_a_token_may_fail_with_any_error(void **state)
{
	(void)state;
	make_token();
	fail_each_call(false);
}

static void each_call_for_an_unconfigured_device_may_fail(void **state)
{
	(void)state;
	world.configured = false;
	fail_each_call(true);
}

static void each_piece_of_memory_may_be_refused(void **state)
{
	(void)state;
	assert_true(refuse_each(&world.memory_in, true) >= 7);
	make_token();
	assert_true(refuse_each(&world.memory_in, false) >= 7);
}

static void the_thread_may_be_refused(void **state)
{
	(void)state;
	assert_int_equal(refuse_each(&world.thread_in, true), 1);
}

static void an_event_loop_that_is_interrupted_goes_on(void **state)
{
	(void)state;
	world.epoll = false;
	for (unsigned n = 1; n < 4; n++) {
		world.events_in = n;
		assert_works(true);
	}
	world.events_in = 0;
}

static void an_interface_that_is_kept_by_others_is_held(void **state)
{
	struct usb_info info;
	struct usb *usb;

	(void)state;
	world.busy = 1000;
	assert_int_equal(usb_open(&name, &info, &usb), 0);
	assert_true(info.held);
	assert_int_equal(usb_take(usb), -EBUSY);
	world.busy = 0;
	assert_int_equal(usb_take(usb), 0);
	assert_int_equal(world.claims, 1);
	usb_close(usb);
	assert_nothing_left();
}

static void an_interface_that_is_let_go_soon_is_not_held(void **state)
{
	struct usb_info info;
	struct usb *usb;

	(void)state;
	world.busy = 2;
	assert_int_equal(usb_open(&name, &info, &usb), 0);
	assert_false(info.held);
	usb_close(usb);
	assert_nothing_left();
}

static void a_cancelled_transfer_is_told_as_one(void **state)
{
	struct session session;

	(void)state;
	live(&session, true);
	assert_int_equal(session.status[USB_OUT], 0);
	assert_int_equal(session.status[USB_IN], 0);
	assert_int_equal(session.status[USB_INTERRUPT], -ECANCELED);
}

static void a_string_is_read_in_a_language_that_is_there(void **state)
{
	static const unsigned languages[] = { 0x0409, 0x0407, 0 };
	struct usb_info info;
	struct usb *usb;
	char text[20];

	(void)state;
	for (size_t i = 0; i < LENGTH(languages); i++) {
		world.language = languages[i];
		assert_int_equal(usb_open(&name, &info, &usb), 0);
		assert_int_equal(usb_string(usb, USB_PRODUCT, text, 20), 0);
		assert_string_equal(text, "R");
		usb_close(usb);
	}
}

static void a_string_that_is_none_is_empty(void **state)
{
	static const struct {
		uint8_t bytes[6];
		int size;
	} odd[] = {
		{ { 0 }, 0 },
		{ { 4 }, 1 },
		{ { 4, LIBUSB_DT_STRING }, 2 },
		{ { 0, LIBUSB_DT_STRING, 'R', 0 }, 4 },
		{ { 1, LIBUSB_DT_STRING, 'R', 0 }, 4 },
		{ { 2, LIBUSB_DT_STRING, 'R', 0 }, 4 },
		{ { 3, LIBUSB_DT_STRING, 'R' }, 3 },
		{ { 4, LIBUSB_DT_DEVICE, 'R', 0 }, 4 },
	};
	struct usb_info info;
	struct usb *usb;
	char text[20];

	(void)state;
	assert_int_equal(usb_open(&name, &info, &usb), 0);
	for (size_t i = 0; i < LENGTH(odd); i++) {
		world.text = odd[i].bytes;
		world.text_size = odd[i].size;
		assert_int_equal(usb_string(usb, USB_PRODUCT, text, 20), 0);
		assert_string_equal(text, "");
	}
	usb_close(usb);
}

static void a_string_longer_than_it_came_ends_where_it_ends(void **state)
{
	static const uint8_t cut[] = { 0xFF, LIBUSB_DT_STRING, 'A', 0, 'B', 0 };
	struct usb_info info;
	struct usb *usb;
	char text[20];

	(void)state;
	world.text = cut;
	world.text_size = sizeof(cut);
	assert_int_equal(usb_open(&name, &info, &usb), 0);
	assert_int_equal(usb_string(usb, USB_PRODUCT, text, 20), 0);
	assert_string_equal(text, "AB");
	assert_int_equal(usb_string(usb, USB_PRODUCT, text, 2), 0);
	assert_string_equal(text, "A");
	usb_close(usb);
}

static void an_interface_that_was_stolen_is_not_reset(void **state)
{
	struct usb_info info;
	struct usb *usb;

	(void)state;
	assert_int_equal(usb_open(&name, &info, &usb), 0);
	world.stolen = true;
	assert_int_equal(usb_reset(usb), -ENODEV);
	assert_int_equal(world.alternate, SETTING);
	usb_close(usb);
	assert_nothing_left();
}

/* --- who handles the events */

static void open_pipes(struct session *session)
{
	memset(session, 0, sizeof(*session));
	world.done = 0;
	assert_int_equal(usb_open(&name, &session->info, &session->usb), 0);
	for (unsigned i = 0; i < USB_PIPES; i++)
		assert_int_equal(
			usb_transfer_new(session->usb, (enum usb_pipe)i, 100,
					 done, &session->status[i],
					 &session->transfer[i]),
			0);
}

static void close_pipes(struct session *session)
{
	for (unsigned i = 0; i < USB_PIPES; i++)
		usb_transfer_free(session->transfer[i]);
	usb_close(session->usb);
	assert_nothing_left();
}

static void submit_both(struct session *session)
{
	assert_int_equal(usb_submit(session->transfer[USB_IN], 64), 0);
	assert_int_equal(usb_submit(session->transfer[USB_OUT], COMMAND_SIZE),
			 0);
}

/* An interrupt transfer that is cancelled stands for a movement. */
static void move(struct session *session)
{
	assert_int_equal(usb_submit(session->transfer[USB_INTERRUPT], 8), 0);
	usb_cancel(session->transfer[USB_INTERRUPT]);
}

static void exchange(struct session *session, unsigned transfers)
{
	submit_both(session);
	while (world.done < transfers)
		usb_handle(session->usb, UINT64_MAX);
}

static void an_attendant_is_called_back_in_place_of_the_thread(void **state)
{
	struct session session;

	(void)state;
	open_pipes(&session);
	for (unsigned i = 1; i <= 100; i++) {
		assert_true(usb_attend(session.usb));
		exchange(&session, 2 * i);
		usb_unattend(session.usb);
	}
	assert_int_equal(world.by_attendant, 200);
	assert_int_equal(world.by_thread, 0);
	assert_in_range(world.waits, 0, 1);	/* it may not run yet */
	close_pipes(&session);
}

static void a_movement_is_told_whoever_handles_events(void **state)
{
	struct session session;

	(void)state;
	open_pipes(&session);
	move(&session);
	wait_for(1);
	assert_int_equal(world.by_thread, 1);
	assert_true(usb_attend(session.usb));
	move(&session);
	while (world.done < 2)
		usb_handle(session.usb, UINT64_MAX);
	usb_unattend(session.usb);
	assert_int_equal(world.by_attendant, 1);
	move(&session);
	wait_for(3);
	assert_int_equal(world.by_thread, 2);
	close_pipes(&session);
}

static void what_an_attendant_leaves_over_is_told_at_once(void **state)
{
	struct session session;

	(void)state;
	open_pipes(&session);
	assert_true(usb_attend(session.usb));
	submit_both(&session);
	move(&session);
	usb_unattend(session.usb);
	wait_for(3);
	assert_int_equal(world.by_attendant, 0);
	close_pipes(&session);
}

static void *nudge(void *argument)
{
	usb_nudge(argument);
	return NULL;
}

static void a_nudge_ends_a_wait_even_ahead_of_it(void **state)
{
	struct session session;
	pthread_t thread;

	(void)state;
	open_pipes(&session);
	assert_true(usb_attend(session.usb));
	pthread_create(&thread, NULL, nudge, session.usb);
	usb_handle(session.usb, UINT64_MAX);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, nudge, session.usb);
	pthread_join(thread, NULL);
	usb_handle(session.usb, UINT64_MAX);
	usb_unattend(session.usb);
	close_pipes(&session);
}

static void without_epoll_the_thread_does_it_alone(void **state)
{
	struct session session;

	(void)state;
	world.epoll = false;
	assert_works(true);
	open_pipes(&session);
	assert_false(usb_attend(session.usb));
	submit_both(&session);
	wait_for(2);
	assert_int_equal(world.by_attendant, 0);
	close_pipes(&session);
}

static void a_device_that_epoll_refuses_is_no_deaf_one(void **state)
{
	struct session session;

	(void)state;
	open_pipes(&session);
	assert_true(usb_attend(session.usb));
	world.deaf_in = 1;
	usb_unattend(session.usb);
	assert_int_equal(world.deaf_in, 0);
	move(&session);
	wait_for(1);
	assert_false(usb_attend(session.usb));
	close_pipes(&session);
}

static void a_token_has_its_thread_alone(void **state)
{
	struct usb_info info;
	struct usb *usb;

	(void)state;
	make_token();
	assert_int_equal(usb_open(&name, &info, &usb), 0);
	assert_false(usb_attend(usb));
	usb_close(usb);
	assert_nothing_left();
}

/* Such a descriptor is ready for ever. */
static void a_device_that_is_gone_keeps_nobody_busy(void **state)
{
	struct session session;

	(void)state;
	open_pipes(&session);
	move(&session);
	wait_for(1);
	lock();
	close(world.far);
	world.far = -1;
	unlock();
	for (unsigned i = 1; i <= 3; i++) {
		wait_until(&world.dropped, i);
		assert_true(usb_attend(session.usb));
		usb_unattend(session.usb);
	}
	close_pipes(&session);
	assert_in_range(world.waits, 1, 10);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, make, discard)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(each_call_may_fail_with_any_error),
		TEST(each_call_for_a_token_may_fail_with_any_error),
		TEST(each_call_for_an_unconfigured_device_may_fail),
		TEST(each_piece_of_memory_may_be_refused),
		TEST(the_thread_may_be_refused),
		TEST(an_event_loop_that_is_interrupted_goes_on),
		TEST(an_interface_that_is_kept_by_others_is_held),
		TEST(an_interface_that_is_let_go_soon_is_not_held),
		TEST(a_cancelled_transfer_is_told_as_one),
		TEST(a_string_is_read_in_a_language_that_is_there),
		TEST(a_string_that_is_none_is_empty),
		TEST(a_string_longer_than_it_came_ends_where_it_ends),
		TEST(an_interface_that_was_stolen_is_not_reset),
		TEST(an_attendant_is_called_back_in_place_of_the_thread),
		TEST(a_movement_is_told_whoever_handles_events),
		TEST(what_an_attendant_leaves_over_is_told_at_once),
		TEST(a_nudge_ends_a_wait_even_ahead_of_it),
		TEST(without_epoll_the_thread_does_it_alone),
		TEST(a_device_that_epoll_refuses_is_no_deaf_one),
		TEST(a_token_has_its_thread_alone),
		TEST(a_device_that_is_gone_keeps_nobody_busy),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
