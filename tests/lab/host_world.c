/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FDS	1024

/* Seconds that the wall clock of everybody in here was stepped by. */
static long stepped;

static long step_of(clockid_t id)
{
	if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
		return 0;
	return __atomic_load_n(&stepped, __ATOMIC_RELAXED);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	long r = syscall(SYS_clock_gettime, id, now);

	now->tv_sec += step_of(id);
	return (int)r;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec wall;
	int r = clock_gettime(CLOCK_REALTIME, &wall);

	(void)zone;
	now->tv_sec = wall.tv_sec;
	now->tv_usec = wall.tv_nsec / 1000;
	return r;
}

time_t time(time_t *ret_now)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	if (ret_now)
		*ret_now = wall.tv_sec;
	return wall.tv_sec;
}

void host_step(long seconds)
{
	__atomic_add_fetch(&stepped, seconds, __ATOMIC_RELAXED);
	printf("%" PRIu64 " stepped\n", host_now());
}

/* Descriptors that a program would inherit. */
static int count_inherited(void)
{
	int n = 0;

	for (int fd = STDERR_FILENO + 1; fd < FDS; fd++) {
		int flags = fcntl(fd, F_GETFD);

		n += flags >= 0 && !(flags & FD_CLOEXEC);
	}
	return n;
}

/* A child that ends as other libraries' helpers do, with all that is loaded. */
void host_fork(void)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		exit(count_inherited());
	if (child > 0)
		waitpid(child, &status, 0);
	printf("%" PRIu64 " fork inherited=%d\n", host_now(),
	       WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}
