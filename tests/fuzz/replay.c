/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay - runs a fuzzer's function over stored inputs, without a fuzzer.
 *
 * Each argument, a file or a directory, is one TAP test. Before an input runs
 * its path is told, so that a crash has a name.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PATH_SIZE	1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of exactly its size, so that a sanitizer sees each byte beyond. */
static bool run_stream(FILE *stream, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);
	bool read = data && fread(data, 1, size, stream) == size;

	if (read)
		LLVMFuzzerTestOneInput(data, size);
	free(data);
	return read;
}

static bool replay_file(const char *path, size_t size)
{
	FILE *stream = fopen(path, "rb");
	bool read;

	if (!stream)
		return false;
	printf("# %s\n", path);
	fflush(stdout);
	read = run_stream(stream, size);
	fclose(stream);
	return read;
}

/* Returns the number of inputs, 0 if the path is no file or unreadable. */
static unsigned replay_path(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return 0;
	return replay_file(path, (size_t)status.st_size);
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static unsigned replay_entries(const char *path, struct dirent **entries,
			       int count)
{
	char name[PATH_SIZE];
	unsigned inputs = 0;

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s", path,
			 entries[i]->d_name);
		inputs += replay_path(name);
		free(entries[i]);
	}
	return inputs;
}

static unsigned replay(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_input, alphasort);
	unsigned inputs;

	if (count < 0)
		return replay_path(path);
	inputs = replay_entries(path, entries, count);
	free(entries);
	return inputs;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	if (argc < 2)
		printf("Bail out! usage: %s FILE|DIRECTORY...\n", argv[0]);
	else
		printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		unsigned inputs = replay(argv[i]);

		failed |= !inputs;
		printf("%sok %d - %s: %u inputs\n", inputs ? "" : "not ", i,
		       argv[i], inputs);
	}
	return failed;
}
