/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "bench.h"
#include "time_scale.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE	512
#define LINE_SIZE	4096
#define LONG_WAIT	5000

libusb_context *context;
uint8_t buffer[BENCH_LARGEST + 64];

static FILE *bench;
static char line[LINE_SIZE];

unsigned long_wait(void)
{
	return (unsigned)(LONG_WAIT * time_scale());
}

const char *say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(bench, format, arguments);
	va_end(arguments);
	fputc('\n', bench);
	fflush(bench);
	assert_non_null(fgets(line, sizeof(line), bench));
	if (strncmp(line, "ok ", 3) != 0)
		fail_msg("%s: %s", format, line);
	return line + 3;
}

static unsigned long told(const char *answer, const char *name)
{
	const char *found = strstr(answer, name);

	return found ? strtoul(found + strlen(name), NULL, 10) : 0;
}

/* --- a host */

libusb_device_handle *open_reader(const char *options)
{
	libusb_device_handle *handle;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/bus/usb/001/%03lu",
		 told(say("plug r %s", options), "address="));
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(libusb_wrap_sys_device(context, fd, &handle), 0);
	assert_int_equal(libusb_claim_interface(handle, 0), 0);
	return handle;
}

void close_reader(libusb_device_handle *handle)
{
	libusb_close(handle);
	say("unplug r");
}

int command(libusb_device_handle *handle, uint8_t type, uint8_t seq,
		const void *data, size_t size)
{
	int sent;

	memset(buffer, 0, BENCH_HEADER);
	buffer[0] = type;
	buffer[1] = (uint8_t)size;
	buffer[2] = (uint8_t)(size >> 8);
	buffer[3] = (uint8_t)(size >> 16);
	buffer[6] = seq;
	if (size)
		memcpy(buffer + BENCH_HEADER, data, size);
	return libusb_bulk_transfer(handle, BENCH_OUT, buffer,
				    (int)(BENCH_HEADER + size), &sent,
				    long_wait());
}

int reply(libusb_device_handle *handle, int room)
{
	int received = 0;
	int r = libusb_bulk_transfer(handle, BENCH_IN, buffer, room, &received,
				     long_wait());

	return r < 0 ? r : received;
}

void power_on(libusb_device_handle *handle)
{
	assert_int_equal(command(handle, 0x62, 0, NULL, 0), 0);
	assert_true(reply(handle, 320) > BENCH_HEADER);
	assert_int_equal(buffer[7], 0);
}

int notified(libusb_device_handle *handle, unsigned timeout)
{
	int received = 0;
	int r = libusb_interrupt_transfer(handle, BENCH_INTERRUPT, buffer, 8,
					  &received, timeout);

	return r < 0 ? r : received;
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* --- start and end */

static void path_of(const char *name, char *ret_path)
{
	const char *programs = getenv("LAB_PROGRAMS");
	char here[PATH_SIZE / 2] = "";
	char *end;

	if (!programs && readlink("/proc/self/exe", here, sizeof(here) - 1) > 0) {
		end = strrchr(here, '/');
		if (end)
			*end = '\0';
		programs = here;
	}
	snprintf(ret_path, PATH_SIZE, "%s/%s", programs, name);
	if (access(ret_path, R_OK) != 0)
		snprintf(ret_path, PATH_SIZE, "%s/.libs/%s", programs, name);
}

static int start_vreader(char *directory)
{
	char program[PATH_SIZE], ready[8];
	int fds[2];
	ssize_t n;

	path_of("vreader", program);
	if (!mkdtemp(directory) || pipe(fds) < 0)
		return -1;
	if (fork() == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		execl(program, "vreader", "-d", directory, (char *)NULL);
		_exit(1);
	}
	close(fds[1]);
	n = read(fds[0], ready, sizeof(ready));
	close(fds[0]);
	return n > 0 ? 0 : -1;
}

int bench_start(char **argv)
{
	char directory[] = "/tmp/vreader-XXXXXX";
	char preload[PATH_SIZE], path[PATH_SIZE];

	if (start_vreader(directory) < 0) {
		fprintf(stderr, "vreader does not start\n");
		return 99;
	}
	path_of("vusb.so", preload);
	snprintf(path, sizeof(path), "%s/usb", directory);
	setenv("VUSB_SOCKET", path, 1);
	setenv("LD_PRELOAD", preload, 1);
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 0);
	setenv("VREADER_DIRECTORY", directory, 1);
	execv("/proc/self/exe", argv);
	return 99;
}

int bench_set_up(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control",
		 getenv("VREADER_DIRECTORY"));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	bench = fdopen(fd, "r+");
	setvbuf(bench, NULL, _IONBF, 0);
	libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
	return bench ? libusb_init(&context) : -1;
}

static void remove_files(const char *directory)
{
	static const char *const names[] = { "usb", "control", "nodes/001",
					     "nodes", "" };
	char path[PATH_SIZE];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		remove(path);
	}
}

int bench_tear_down(void **state)
{
	(void)state;
	say("quit");
	fclose(bench);
	wait(NULL);
	libusb_exit(context);
	remove_files(getenv("VREADER_DIRECTORY"));
	return 0;
}

bool bench_runs(void)
{
	return getenv("VREADER_DIRECTORY");
}
