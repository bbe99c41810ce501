/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vreader - virtual USB smart card readers for programs under vusb.so.
 *
 *	vreader [-d] DIRECTORY
 *
 * Listens at DIRECTORY/usb (for vusb.so) and DIRECTORY/control (README), and
 * writes "ready" when it does. Keeps a file for each device in DIRECTORY/nodes,
 * laid out as /dev/bus/usb is. -d: ends with the process that started it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vcontrol.h"
#include "vjournal.h"
#include "vloop.h"
#include "vserver.h"

static void signal_ready(struct vloop_watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
	vloop_stop();
}

static int watch_signals(void)
{
	static struct vloop_watch watch = { .ready = signal_ready };
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	watch.fd = signalfd(-1, &ends, SFD_CLOEXEC);
	if (watch.fd < 0)
		return -errno;
	vloop_add(&watch, EPOLLIN);
	return 0;
}

static int listen_in(const char *directory)
{
	int r;

	if (chdir(directory) < 0)
		return -errno;
	r = vserver_listen("usb");
	return r < 0 ? r : vcontrol_listen("control");
}

int main(int argc, char **argv)
{
	int r;

	if (argc == 3 && strcmp(argv[1], "-d") == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		argv++;
		argc--;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: vreader [-d] DIRECTORY\n");
		return 2;
	}
	/* or a timer may be late by 50 microseconds */
	prctl(PR_SET_TIMERSLACK, 1);
	r = vloop_start();
	if (r == 0)
		r = watch_signals();
	if (r == 0)
		r = listen_in(argv[1]);
	if (r < 0) {
		fprintf(stderr, "vreader: %s\n", strerror(-r));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	vloop_run(vcontrol_settled);
	vjournal_flush();
	return 0;
}
