/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "usb_events.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "usb_token.h"

#define LONG_S	1000000	/* in ms it still fits the int of poll() */

/* The events are POLLIN and the like, which epoll knows by the same numbers. */
static int watch(const struct usb_events *events, int what, int fd,
		 uint32_t awaited)
{
	struct epoll_event event = { .events = awaited, .data.fd = fd };

	return epoll_ctl(events->epoll, what, fd, &event) < 0 ? -errno : 0;
}

static bool is_ending(const struct usb_events *events)
{
	return __atomic_load_n(&events->ending, __ATOMIC_SEQ_CST);
}

static bool is_aside(const struct usb_events *events)
{
	return __atomic_load_n(&events->aside, __ATOMIC_SEQ_CST);
}

/* libusb's plain call would come back every minute: a wake-up for nothing. */
static void wait_in_libusb(struct usb_events *events)
{
	struct timeval wait = { .tv_sec = LONG_S };

	__atomic_store_n(&events->news, 0, __ATOMIC_SEQ_CST);
	if (is_ending(events))
		return;
	if (events->token)
		usb_token_limit(events->token, &wait);
	libusb_handle_events_timeout_completed(events->context, &wait,
					       &events->news);
	if (events->token)
		usb_token_work(events->token);
}

/*
 * With libusb's lock: without it, were another thread just at it, libusb would
 * come back at once, and so would epoll. A device that is gone is ready for
 * ever; libusb knows by then, and nothing comes of it any more.
 */
static void wait_aside(struct usb_events *events)
{
	struct epoll_event event = { 0 };
	struct timeval none = { 0 };

	epoll_wait(events->epoll, &event, 1, -1);
	if (is_ending(events))
		return;
	libusb_lock_events(events->context);
	libusb_handle_events_locked(events->context, &none);
	libusb_unlock_events(events->context);
	if (event.events & (EPOLLERR | EPOLLHUP))
		watch(events, EPOLL_CTL_DEL, event.data.fd, 0);
}

static void *event_thread(void *argument)
{
	struct usb_events *events = argument;

	while (!is_ending(events))
		if (is_aside(events))
			wait_aside(events);
		else
			wait_in_libusb(events);
	return NULL;
}

/* The device's, and those that libusb wakes its waiters with. */
static int watch_all(struct usb_events *events)
{
	const struct libusb_pollfd **fds;
	int r = 0;

	events->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (events->epoll < 0)
		return -errno;
	fds = libusb_get_pollfds(events->context);
	if (!fds)
		return -ENOMEM;
	for (int i = 0; r == 0 && fds[i]; i++)
		r = watch(events, EPOLL_CTL_ADD, fds[i]->fd,
			  (uint32_t)fds[i]->events);
	libusb_free_pollfds(fds);
	return r;
}

/* pcscd's signals must interrupt pcscd's own calls, never ours. */
int usb_events_start(struct usb_events *events)
{
	sigset_t all, before;
	int r;

	events->aside = !events->token && watch_all(events) == 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&events->thread, NULL, event_thread, events);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	events->threaded = r == 0;
	return r == 0 ? 0 : -ENOMEM;	/* or so many threads */
}

void usb_events_stop(struct usb_events *events)
{
	if (events->threaded) {
		__atomic_store_n(&events->ending, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&events->news, 1, __ATOMIC_SEQ_CST);
		libusb_interrupt_event_handler(events->context);
		pthread_join(events->thread, NULL);
	}
	if (events->epoll >= 0)
		close(events->epoll);
}

bool usb_events_attend(struct usb_events *events)
{
	if (!is_aside(events))
		return false;
	events->attendant = pthread_self();
	__atomic_store_n(&events->news, 0, __ATOMIC_SEQ_CST);
	watch(events, EPOLL_CTL_DEL, events->fd, 0);
	return true;
}

void usb_events_handle(struct usb_events *events, uint64_t until)
{
	uint64_t now = clock_now(), ms = until > now ? until - now : 0;
	struct timeval wait = { .tv_sec = LONG_S };

	if (ms < LONG_S * UINT64_C(1000)) {
		wait.tv_sec = (time_t)(ms / 1000);
		wait.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	}
	libusb_handle_events_timeout_completed(events->context, &wait,
					       &events->news);
	__atomic_store_n(&events->news, 0, __ATOMIC_SEQ_CST);
}

void usb_events_nudge(struct usb_events *events)
{
	if (pthread_equal(events->attendant, pthread_self()))
		return;
	__atomic_store_n(&events->news, 1, __ATOMIC_SEQ_CST);
	libusb_interrupt_event_handler(events->context);
}

/* Without memory for that the event thread waits in libusb from then on. */
void usb_events_unattend(struct usb_events *events)
{
	if (watch(events, EPOLL_CTL_ADD, events->fd, EPOLLOUT) == 0)
		return;
	__atomic_store_n(&events->aside, 0, __ATOMIC_SEQ_CST);
	libusb_interrupt_event_handler(events->context);
}
