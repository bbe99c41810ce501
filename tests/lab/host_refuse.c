/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is refused, the n-th time from now; 0: nothing (any more). */
static unsigned threads_in, memory_in;

/* Of this thread, while it is in a call of the driver's. */
static _Thread_local bool counting;

/* The driver's, or libusb's for it: who asks for what pcscd has to give. */
static bool is_concerned(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && info.dli_fname &&
	       (strstr(info.dli_fname, "ccidtrack") ||
		strstr(info.dli_fname, "libusb"));
}

/* What a look at the caller allocates is not counted. */
static bool is_refused(unsigned *countdown, const void *caller)
{
	bool refused;

	if (!counting || !*countdown)
		return false;
	counting = false;
	refused = is_concerned(caller) && --*countdown == 0;
	counting = true;
	return refused;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
		   void *(*start)(void *), void *argument)
{
	static int (*real)(pthread_t *, const pthread_attr_t *,
			   void *(*)(void *), void *);

	if (!real)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "pthread_create");
	if (is_refused(&threads_in, __builtin_return_address(0)))
		return EAGAIN;
	return real(thread, attributes, start, argument);
}

/* A sanitizer has functions of its own for these, and needs them. */
#ifndef __SANITIZE_ADDRESS__
#ifndef __SANITIZE_THREAD__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);

void *malloc(size_t size)
{
	if (is_refused(&memory_in, __builtin_return_address(0)))
		return NULL;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (is_refused(&memory_in, __builtin_return_address(0)))
		return NULL;
	return __libc_calloc(n, size);
}
#endif
#endif

void host_count(bool on)
{
	counting = on;
}

void host_refuse(const char *what, unsigned nth)
{
	unsigned *countdown = strcmp(what, "thread") == 0 ? &threads_in
							  : &memory_in;

	printf("%" PRIu64 " refuse %s left=%u\n", host_now(), what, *countdown);
	*countdown = nth;
}
