/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LINE_SIZE	2048

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* guards module */
static struct host_module module;
static const char *module_path;

__attribute__((format(printf, 2, 3)))
void log_msg(int priority, const char *format, ...);
void log_xxd(int priority, const char *text, const unsigned char *bytes,
	     int size);

uint64_t host_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void log_msg(int priority, const char *format, ...)
{
	char text[LINE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	printf("%" PRIu64 " log %d %s\n", host_now(), priority, text);
}

void log_xxd(int priority, const char *text, const unsigned char *bytes,
	     int size)
{
	flockfile(stdout);
	printf("%" PRIu64 " log %d %s", host_now(), priority, text);
	for (int i = 0; i < size; i++)
		printf(" %02X", bytes[i]);
	putchar('\n');
	funlockfile(stdout);
}

static void *symbol(const char *name)
{
	void *found = dlsym(module.library, name);

	if (!found) {
		fprintf(stderr, "host: %s\n", dlerror());
		exit(1);
	}
	return found;
}

static void load(void)
{
	module.library = dlopen(module_path, RTLD_LAZY);
	if (!module.library) {
		fprintf(stderr, "host: %s\n", dlerror());
		exit(1);
	}
#define FIND(field, name) \
	module.field = (__typeof__(module.field))symbol(name)
	FIND(create_by_name, "IFDHCreateChannelByName");
	FIND(create, "IFDHCreateChannel");
	FIND(close, "IFDHCloseChannel");
	FIND(get, "IFDHGetCapabilities");
	FIND(set, "IFDHSetCapabilities");
	FIND(protocol, "IFDHSetProtocolParameters");
	FIND(power, "IFDHPowerICC");
	FIND(transmit, "IFDHTransmitToICC");
	FIND(presence, "IFDHICCPresence");
	FIND(control, "IFDHControl");
#undef FIND
}

void host_set_path(const char *path)
{
	module_path = path;
}

const struct host_module *host_module(void)
{
	pthread_mutex_lock(&lock);
	if (!module.library)
		load();
	pthread_mutex_unlock(&lock);
	return &module;
}

void host_unload(void)
{
	pthread_mutex_lock(&lock);
	if (module.library)
		dlclose(module.library);
	module.library = NULL;
	pthread_mutex_unlock(&lock);
}
