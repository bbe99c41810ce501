/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vnode.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE	32

void vnode_add(unsigned bus, unsigned address)
{
	char path[PATH_SIZE];
	int fd;

	mkdir("nodes", 0755);
	snprintf(path, sizeof(path), "nodes/%03u", bus % 1000);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "nodes/%03u/%03u", bus % 1000,
		 address % 1000);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd >= 0)
		close(fd);
}

void vnode_remove(unsigned bus, unsigned address)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "nodes/%03u/%03u", bus % 1000,
		 address % 1000);
	unlink(path);
}
