/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "process.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "root.h"

#define CAP_DAC_OVERRIDE	(1ull << 1)
#define STATUS_MAX		8192
#define STARTTIME		22	/* field of /proc/PID/stat, proc(5) */

static const char *field(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? at + strlen(name) : "";
}

static void read_groups(const char *at, struct process *process)
{
	char *end;

	while (process->n_groups < PROCESS_GROUPS && *at && *at != '\n') {
		unsigned long group = strtoul(at, &end, 10);

		if (end == at)
			return;
		process->groups[process->n_groups++] = (gid_t)group;
		at = end + strspn(end, " \t");
	}
}

/* The second number of a row like "real effective saved file" */
static unsigned second(const char *row)
{
	char *end;

	strtoul(row, &end, 10);
	return (unsigned)strtoul(end, NULL, 10);
}

static int64_t boot_time(void)
{
	static char text[65536];
	ssize_t size = root_read(text, sizeof(text) - 1, "/proc/stat");

	text[size < 0 ? 0 : size] = '\0';
	return strtoll(field(text, "\nbtime "), NULL, 10);
}

static int64_t started(pid_t pid)
{
	char line[1024], *at;
	int64_t boot = boot_time();
	long ticks = sysconf(_SC_CLK_TCK);

	if (!root_line(line, sizeof(line), "/proc/%d/stat", (int)pid) ||
	    !boot || ticks <= 0)
		return 0;
	at = strrchr(line, ')');	/* names may hold anything */
	for (int i = 2; at && i < STARTTIME; i++)
		at = strchr(at + 1, ' ');
	return at ? boot + strtoll(at, NULL, 10) / ticks : 0;
}

bool process_read(pid_t pid, struct process *ret_process)
{
	struct process process = { .pid = pid };
	static char status[STATUS_MAX];
	ssize_t size = root_read(status, sizeof(status) - 1, "/proc/%d/status",
				 (int)pid);

	if (size <= 0)
		return false;
	status[size] = '\0';
	root_line(process.name, sizeof(process.name), "/proc/%d/comm",
		  (int)pid);
	process.uid = second(field(status, "\nUid:"));
	process.gid = second(field(status, "\nGid:"));
	read_groups(field(status, "\nGroups:") +
			    strspn(field(status, "\nGroups:"), " \t"),
		    &process);
	process.overrides = strtoull(field(status, "\nCapEff:"), NULL, 16) &
			    CAP_DAC_OVERRIDE;
	process.started = started(pid);
	*ret_process = process;
	return true;
}

bool process_pcscd(struct process *ret_process)
{
	char line[32];
	long pid;

	root_line(line, sizeof(line), "/run/pcscd/pcscd.pid");
	pid = strtol(line, NULL, 10);
	return pid > 0 && process_read((pid_t)pid, ret_process) &&
	       strcmp(ret_process->name, "pcscd") == 0;
}

bool process_may_open(const struct process *process, const struct stat *file)
{
	bool member = process->gid == file->st_gid;

	if (process->overrides)
		return true;
	if (process->uid == file->st_uid)
		return (file->st_mode & 0600) == 0600;
	for (size_t i = 0; i < process->n_groups; i++)
		member |= process->groups[i] == file->st_gid;
	if (member)
		return (file->st_mode & 0060) == 0060;
	return (file->st_mode & 0006) == 0006;
}

/* *all becomes false if it may not be looked at. */
static bool holds(pid_t pid, const char *node, bool *all)
{
	char path[ROOT_PATH], target[ROOT_PATH];
	struct dirent *entry;
	bool found = false;
	DIR *files = root_directory("/proc/%d/fd", (int)pid);

	if (!files) {
		*all &= errno != EACCES;
		return false;
	}
	while (!found && (entry = readdir(files))) {
		ssize_t size = -1;

		if (root_path(path, "/proc/%d/fd/%s", (int)pid, entry->d_name))
			size = readlink(path, target, sizeof(target) - 1);
		target[size < 0 ? 0 : size] = '\0';
		found = strcmp(target, node) == 0;
	}
	closedir(files);
	return found;
}

static pid_t next_pid(DIR *directory)
{
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (isdigit((unsigned char)entry->d_name[0]))
			return (pid_t)strtol(entry->d_name, NULL, 10);
	return 0;
}

size_t process_holders(unsigned bus, unsigned address,
		       struct process **ret_rows, bool *ret_all)
{
	DIR *directory = root_directory("/proc");
	char node[32];
	size_t n = 0;
	pid_t pid;

	snprintf(node, sizeof(node), "/dev/bus/usb/%03u/%03u", bus, address);
	*ret_rows = NULL;
	*ret_all = true;
	while ((pid = next_pid(directory))) {
		if (!holds(pid, node, ret_all))
			continue;
		*ret_rows = memory_grow(*ret_rows, n, sizeof(**ret_rows));
		n += process_read(pid, &(*ret_rows)[n]);
	}
	if (directory)
		closedir(directory);
	return n;
}
