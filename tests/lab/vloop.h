/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vloop - vreader's only thread: descriptors and timers that it waits for.
 *
 * Callbacks may add, change and remove anything, themselves too. Times are
 * nanoseconds of CLOCK_MONOTONIC.
 */
#ifndef VLOOP_H
#define VLOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define VLOOP_US	1000ull
#define VLOOP_MS	1000000ull

/* The structure that holds member at pointer. */
#define vloop_owner(pointer, type, member)				\
	((type *)(void *)((char *)(pointer) - offsetof(type, member)))

struct vloop_watch {
	int fd;
	void (*ready)(struct vloop_watch *watch, uint32_t events);
};

struct vloop_timer {
	uint64_t due;
	void (*fire)(struct vloop_timer *timer);
	struct vloop_timer *next;
	bool armed;
};

uint64_t vloop_now(void);

/* 0 or a negative errno. */
int vloop_start(void);

/* events as of epoll_ctl(). */
void vloop_add(struct vloop_watch *watch, uint32_t events);
void vloop_change(struct vloop_watch *watch, uint32_t events);
void vloop_remove(struct vloop_watch *watch);

/* Timers due at the same time fire in the order in which they were armed. */
void vloop_arm(struct vloop_timer *timer, uint64_t due);
void vloop_disarm(struct vloop_timer *timer);

/* Runs until vloop_stop(); settled is called after each callback. */
void vloop_run(void (*settled)(void));
void vloop_stop(void);

#endif
