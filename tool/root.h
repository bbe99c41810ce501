/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * root - the machine that is looked at: files below a prefix.
 *
 * The prefix is empty, or what CCIDTRACK_ROOT says: the tests build machines
 * with every fault in a directory. A setuid or otherwise raised process takes
 * no prefix from its environment. Paths are printf formats that begin with /.
 */
#ifndef CCIDTRACK_ROOT_H
#define CCIDTRACK_ROOT_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define ROOT_PATH	1024

/* True if this is the machine that the command runs on. */
bool root_is_real(void);

/* The path with the prefix in front; ENAMETOOLONG and false if too long. */
bool root_path(char path[ROOT_PATH], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* As read(2), of the whole file as far as there is room; -1 and errno. */
ssize_t root_read(void *bytes, size_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The first line without its end, as far as it fits; "" if there is none. */
bool root_line(char *text, size_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The last part of where a link leads; "" and false if it is no link. */
bool root_link(char *text, size_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

bool root_stat(struct stat *ret_stat, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

bool root_exists(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* opendir(3) */
DIR *root_directory(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
