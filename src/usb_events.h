/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usb_events - who handles what libusb has to tell of a device.
 *
 * A part of usb.c. A thread of its own does, from start to stop. It waits for
 * the device in epoll and not in libusb, so whoever waits for a transfer of his
 * own can take the device out of that, handle its events himself, and put it
 * back: two system calls, in place of a switch to the event thread and one back.
 * What comes in between is told by him in the same moment, and what is left
 * over wakes the event thread as the device is put back: no timer is needed.
 *
 * A token (usb_token.h) has pauses to be kept between transfers: there it is the
 * event thread alone, and it waits in libusb, as it does where there is no epoll.
 */
#ifndef CCIDTRACK_USB_EVENTS_H
#define CCIDTRACK_USB_EVENTS_H

#include <libusb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct usb_token;

/* Zeroes, but for epoll, before usb_events_start; then context, fd, token. */
struct usb_events {
	libusb_context *context;
	int fd;		/* the device's */
	struct usb_token *token;	/* NULL: bulk pipes */
	int aside;	/* atomic; the event thread waits in epoll */
	int epoll;	/* -1: there is none */
	pthread_t thread;
	bool threaded;
	pthread_t attendant;	/* who has the device's events, if somebody */
	int ending;	/* atomic; the event thread's order to end */
	int news;	/* atomic; what is waited for in libusb may have changed */
};

/* The device is open. -ENOMEM; usb_events_stop in any case. */
int usb_events_start(struct usb_events *events);

/* Joins the thread. */
void usb_events_stop(struct usb_events *events);

/* As usb_attend, usb_handle, usb_nudge and usb_unattend in usb.h. */
bool usb_events_attend(struct usb_events *events);
void usb_events_handle(struct usb_events *events, uint64_t until);
void usb_events_nudge(struct usb_events *events);
void usb_events_unattend(struct usb_events *events);

#endif
