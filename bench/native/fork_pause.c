/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
 *
 * How long a process of so many megabytes stands still for a fork(), and what
 * its first writes to pages cost afterwards, while a child keeps the old ones:
 * what a snapshot by copy-on-write would cost the engine. One line of JSON.
 *
 *   fork_pause --mb 240 [--huge 1] [--writes 20000]
 */

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES ((size_t)4096)
#define HUGE_BYTES ((size_t)2 << 20)

static double now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static long option(int count, char **values, const char *name, long otherwise)
{
	for (int i = 1; i + 1 < count; i += 2)
		if (strcmp(values[i], name) == 0)
			return strtol(values[i + 1], NULL, 10);
	return otherwise;
}

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

int main(int count, char **values)
{
	size_t bytes = (size_t)option(count, values, "--mb", 240) << 20;
	long huge = option(count, values, "--huge", 0);
	long writes = option(count, values, "--writes", 20000);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (huge != 0 ? MAP_HUGETLB : 0);
	uint32_t random = 2463534242u;
	double worst = 0, sum = 0, start, paused, copied;
	uint8_t *memory, *copy;
	pid_t child;

	bytes = (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	memset(memory, 1, bytes);
	memset(copy, 2, bytes);
	start = now_us();
	memcpy(copy, memory, bytes);
	copied = now_us() - start;
	munmap(copy, bytes);
	start = now_us();
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	paused = now_us() - start;
	if (child < 0) {
		perror("fork");
		return 1;
	}
	for (long i = 0; i < writes; i++) {
		size_t page = (size_t)next(&random) % (bytes / PAGE_BYTES);
		double took;

		start = now_us();
		((volatile uint8_t *)memory)[page * PAGE_BYTES] = 3;
		took = now_us() - start;
		sum += took;
		if (took > worst)
			worst = took;
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	printf("{\"mb\":%zu,\"huge\":%s,\"copyUs\":%.1f,\"forkUs\":%.1f,"
	       "\"writeUs\":%.3f,\"worstWriteUs\":%.1f}\n",
	       bytes >> 20, huge != 0 ? "true" : "false", copied, paused,
	       sum / (double)writes, worst);
	return 0;
}
