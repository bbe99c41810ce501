/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS		16

struct job {
	struct job *next;
	char line[];
};

/* A thread of the script: does its jobs in order, lives to the end. */
static struct worker {
	pthread_t thread;
	bool started, running;
	unsigned number;
	struct job *jobs;
} workers[THREADS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* guards workers */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool ending;

static void run_line(char *line, unsigned thread)
{
	char *words[HOST_WORDS + 1] = { NULL };
	char *rest = line;
	size_t n = 0;

	while (n < HOST_WORDS && (words[n] = strtok_r(rest, " \n", &rest)))
		n++;
	if (n)
		host_call(words, thread);
}

static struct job *next_job(struct worker *worker)
{
	struct job *job;

	pthread_mutex_lock(&lock);
	worker->running = false;
	pthread_cond_broadcast(&changed);
	while (!worker->jobs && !ending)
		pthread_cond_wait(&changed, &lock);
	job = worker->jobs;
	if (job) {
		worker->jobs = job->next;
		worker->running = true;
	}
	pthread_mutex_unlock(&lock);
	return job;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct job *job;

	while ((job = next_job(worker))) {
		run_line(job->line, worker->number);
		free(job);
	}
	return NULL;
}

static void give(unsigned number, const char *line)
{
	struct worker *worker = &workers[number];
	struct job *job = malloc(sizeof(*job) + strlen(line) + 1);
	struct job **place = &worker->jobs;

	if (!job)
		abort();
	job->next = NULL;
	strcpy(job->line, line);
	pthread_mutex_lock(&lock);
	while (*place)
		place = &(*place)->next;
	*place = job;
	if (!worker->started) {
		worker->number = number;
		worker->started = pthread_create(&worker->thread, NULL, work,
						 worker) == 0;
	}
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static bool idle(void)
{
	for (size_t i = 0; i < THREADS; i++)
		if (workers[i].jobs || workers[i].running)
			return false;
	return true;
}

static void join(void)
{
	pthread_mutex_lock(&lock);
	while (!idle())
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	printf("%" PRIu64 " joined\n", host_now());
}

static void end_workers(void)
{
	pthread_mutex_lock(&lock);
	ending = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < THREADS; i++)
		if (workers[i].started)
			pthread_join(workers[i].thread, NULL);
}

static void take_line(char *line)
{
	unsigned number;
	long seconds;
	char what[8];
	int used = 0;

	if (sscanf(line, "refuse %7s %u", what, &number) == 2)
		host_refuse(what, number);
	else if (sscanf(line, "step %ld", &seconds) == 1)
		host_step(seconds);
	else if (strcmp(line, "fork\n") == 0)
		host_fork();
	else if (sscanf(line, "%u: %n", &number, &used) == 1 && used &&
	    number < THREADS)
		give(number, line + used);
	else if (strcmp(line, "join\n") == 0)
		join();
	else if (strcmp(line, "unload\n") == 0)
		host_unload();
	else
		run_line(line, 0);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: host MODULE\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	host_set_path(argv[1]);
	while (getline(&line, &room, stdin) > 0)
		take_line(line);
	end_workers();
	host_unload();
	free(line);
	return 0;
}
