/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "holder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINK_SIZE	64	/* of /proc/PID/fd/N, and what it leads to */
#define NAME_SIZE	16	/* the kernel keeps no more of a process's name */
#define USBFS		"usbfs"	/* the kernel's name for "some process" */

static const struct {
	const char *name;
	const char *advice;
} advices[] = {
	{ "scdaemon", "let it use pcscd, by disable-ccid in scdaemon.conf, "
		      "or end it" },
	{ "pcscd", "only one of them can have the reader" },
};

static const char *advice_for(const char *name)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (strcmp(advices[i].name, name) == 0)
			return advices[i].advice;
	return "end it";
}

/* A process names itself, so its name may not write a log line of its own. */
static void tell_process(long pid, char text[HOLDER_TEXT])
{
	char path[LINK_SIZE], name[NAME_SIZE] = "";
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, name, sizeof(name) - 1);
		close(fd);
	}
	for (ssize_t i = 0; i < n; i++)
		if (name[i] == '\n')
			name[i] = '\0';
		else if (name[i] < ' ' || name[i] > '~')
			name[i] = '?';
	snprintf(text, HOLDER_TEXT, "%s (process %ld): %s",
		 name[0] ? name : "a program", pid, advice_for(name));
}

static bool is_denied(void)
{
	return errno == EACCES || errno == EPERM;
}

static bool leads_to(long pid, const char *fd, const char *path,
		     bool *ret_hidden)
{
	char link[LINK_SIZE], target[LINK_SIZE];
	ssize_t n;

	if ((size_t)snprintf(link, sizeof(link), "/proc/%ld/fd/%s", pid, fd) >=
	    sizeof(link))
		return false;
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0) {
		*ret_hidden |= is_denied();
		return false;
	}
	target[n] = '\0';
	return strcmp(target, path) == 0;
}

/* *ret_hidden becomes true if the process may not be looked into. */
static bool has_open(long pid, const char *path, bool *ret_hidden)
{
	char folder[LINK_SIZE];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(folder, sizeof(folder), "/proc/%ld/fd", pid);
	dir = opendir(folder);
	if (!dir) {
		*ret_hidden |= is_denied();
		return false;
	}
	while (!found && (entry = readdir(dir)))
		found = leads_to(pid, entry->d_name, path, ret_hidden);
	closedir(dir);
	return found;
}

/* The first process but this one that has the node open, or 0. */
static long find_process(const char *path, bool *ret_hidden)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	long found = 0;

	if (!dir) {
		*ret_hidden = true;
		return 0;
	}
	while (!found && (entry = readdir(dir))) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != getpid() &&
		    has_open(pid, path, ret_hidden))
			found = pid;
	}
	closedir(dir);
	return found;
}

/* False if no driver of the kernel has the interface. */
static bool tell_driver(const struct node *node, unsigned interface,
			char text[HOLDER_TEXT])
{
	struct usbdevfs_getdriver driver = { .interface = interface };

	if (ioctl(node->fd, USBDEVFS_GETDRIVER, &driver) < 0 ||
	    strncmp(driver.driver, USBFS, sizeof(driver.driver)) == 0)
		return false;
	snprintf(text, HOLDER_TEXT,
		 "the kernel's driver %.32s, which does not let go: "
		 "unload or blacklist it",
		 driver.driver);
	return true;
}

void holder_describe(const struct node *node, unsigned interface,
		     char text[HOLDER_TEXT])
{
	char path[NODE_PATH_SIZE];
	bool hidden = false;
	long pid;

	if (tell_driver(node, interface, text))
		return;
	node_path(node->bus, node->address, path);
	pid = find_process(path, &hidden);
	if (pid)
		tell_process(pid, text);
	else
		snprintf(text, HOLDER_TEXT,
			 "another program, %s: often it is scdaemon",
			 hidden ? "which pcscd has no right to look at"
				: "which cannot be seen from here");
}
