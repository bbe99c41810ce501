/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reopen - a reader is opened and closed, again and again; memory, descriptors
 * and threads are as many at the end as after the first times.
 *
 *     reopen [TIMES]
 */
#include <dirent.h>
#include <ifdhandler.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "time_scale.h"

#define TIMES		2000
#define WARM		100	/* first times: memory finds its place */
#define SLACK		16384	/* bytes */
#define SLOTS		2
#define LEAVE_MS	5000	/* a thread that was joined leaves /proc later */

void log_msg(const int priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static struct device device;

struct holdings {
	size_t bytes;
	unsigned descriptors, threads;
};

void log_msg(const int priority, const char *format, ...)
{
	(void)priority;
	(void)format;
}

static unsigned count_entries(const char *path)
{
	DIR *directory = opendir(path);
	unsigned n = 0;

	while (directory && readdir(directory))
		n++;
	if (directory)
		closedir(directory);
	return n;
}

static struct holdings count(void)
{
	return (struct holdings){
		.bytes = mallinfo2().uordblks,
		.descriptors = count_entries("/proc/self/fd"),
		.threads = count_entries("/proc/self/task"),
	};
}

/* No more threads than that, or as many as stay. */
static struct holdings count_settled(unsigned threads)
{
	const struct timespec pause = { 0, 1000000 };
	struct holdings found = count();

	for (int i = 0; i < LEAVE_MS * time_scale() && found.threads > threads;
	     i++) {
		nanosleep(&pause, NULL);
		found = count();
	}
	return found;
}

static bool open_and_close(unsigned i)
{
	char name[64];
	bool good = true;

	snprintf(name, sizeof(name), "%s", device_name(&device));
	for (DWORD slot = 0; slot < SLOTS; slot++)
		good &= IFDHCreateChannelByName(slot, name) == IFD_SUCCESS;
	for (DWORD slot = 0; slot < SLOTS; slot++)
		good &= IFDHCloseChannel((slot + i) % SLOTS) == IFD_SUCCESS;
	return good && !device.script.opens && !device.script.transfers;
}

/* Returns how often it worked. */
static unsigned repeat(unsigned times)
{
	unsigned good = 0;

	for (unsigned i = 0; i < times; i++)
		good += open_and_close(i);
	return good;
}

int main(int argc, char *argv[])
{
	unsigned times = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10)
				  : TIMES;
	struct holdings first, before, after;
	bool good;

	device_plug(&device, 1);
	device_set_slots(&device, SLOTS, 1);
	first = count();
	good = repeat(WARM) == WARM;
	before = count_settled(first.threads);
	good &= repeat(times) == times;
	after = count_settled(before.threads);
	device_discard(&device);
	printf("1..1\n# %u times: memory %zu to %zu bytes, descriptors %u to "
	       "%u, threads %u to %u\n",
	       times, before.bytes, after.bytes, before.descriptors,
	       after.descriptors, before.threads, after.threads);
	good &= after.bytes <= before.bytes + SLACK &&
		after.descriptors == before.descriptors &&
		after.threads <= before.threads;
	printf("%s 1 - nothing is left of a reader that was closed\n",
	       good ? "ok" : "not ok");
	return !good;
}
