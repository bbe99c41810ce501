/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vloop.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND	1000000000ull

static int epoll_fd = -1;
static struct vloop_watch clock_watch = { .fd = -1 };
static struct vloop_timer *timers;	/* by due */
static bool stopping;

uint64_t vloop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* The clock wakes the loop when the first timer is due. */
static void set_clock(void)
{
	struct itimerspec at = { 0 };

	if (timers) {
		at.it_value.tv_sec = (time_t)(timers->due / SECOND);
		at.it_value.tv_nsec = (long)(timers->due % SECOND);
		if (!timers->due)
			at.it_value.tv_nsec = 1;	/* zero would disarm */
	}
	timerfd_settime(clock_watch.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void clock_ready(struct vloop_watch *watch, uint32_t events)
{
	struct vloop_timer *timer = timers;
	uint64_t times;

	(void)events;
	if (read(watch->fd, &times, sizeof(times)) < 0)
		return;
	if (!timer || timer->due > vloop_now()) {
		set_clock();
		return;
	}
	timers = timer->next;
	timer->armed = false;
	set_clock();
	timer->fire(timer);
}

int vloop_start(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	clock_watch.fd = timerfd_create(CLOCK_MONOTONIC,
					TFD_CLOEXEC | TFD_NONBLOCK);
	clock_watch.ready = clock_ready;
	if (epoll_fd < 0 || clock_watch.fd < 0)
		return -errno;
	vloop_add(&clock_watch, EPOLLIN);
	return 0;
}

static void control(int operation, struct vloop_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	epoll_ctl(epoll_fd, operation, watch->fd, &event);
}

void vloop_add(struct vloop_watch *watch, uint32_t events)
{
	control(EPOLL_CTL_ADD, watch, events);
}

void vloop_change(struct vloop_watch *watch, uint32_t events)
{
	control(EPOLL_CTL_MOD, watch, events);
}

void vloop_remove(struct vloop_watch *watch)
{
	control(EPOLL_CTL_DEL, watch, 0);
}

void vloop_arm(struct vloop_timer *timer, uint64_t due)
{
	struct vloop_timer **place = &timers;

	vloop_disarm(timer);
	while (*place && (*place)->due <= due)
		place = &(*place)->next;
	timer->due = due;
	timer->armed = true;
	timer->next = *place;
	*place = timer;
	if (timers == timer)
		set_clock();
}

void vloop_disarm(struct vloop_timer *timer)
{
	struct vloop_timer **place = &timers;

	if (!timer->armed)
		return;
	while (*place != timer)
		place = &(*place)->next;
	*place = timer->next;
	timer->armed = false;
}

/* One event at a time: a callback may free what a second one would name. */
void vloop_run(void (*settled)(void))
{
	while (!stopping) {
		struct epoll_event event;
		struct vloop_watch *watch;

		if (epoll_wait(epoll_fd, &event, 1, -1) != 1)
			continue;
		watch = event.data.ptr;
		watch->ready(watch, event.events);
		settled();
	}
}

void vloop_stop(void)
{
	stopping = true;
}
