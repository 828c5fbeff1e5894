/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "cpu.h"

#define CORES_MAX (FERRULE_CPU_WORDS * 32)

int32_t ferrule_cpu_count(void)
{
	return (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
}

int32_t ferrule_cpu_current(void)
{
	return sched_getcpu();
}

int32_t ferrule_cpu_node(int32_t core)
{
	char path[64];
	struct dirent *entry;
	int node = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d", core);
	directory = opendir(path);
	if (!directory)
		return ferrule_fail(errno, "%s", path);
	while ((entry = readdir(directory)) != NULL) {
		if (sscanf(entry->d_name, "node%d", &node) == 1)
			break;
	}
	closedir(directory);
	return node;
}

int32_t ferrule_cpu_set_affinity(const uint32_t *words)
{
	cpu_set_t set;
	size_t core;

	CPU_ZERO(&set);
	for (core = 0; core < CORES_MAX; core++) {
		if (words[core / 32] >> (core % 32) & 1)
			CPU_SET(core, &set);
	}
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		return ferrule_fail(errno, "sched_setaffinity");
	return 0;
}

int32_t ferrule_cpu_get_affinity(uint32_t *words)
{
	cpu_set_t set;
	size_t core;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return ferrule_fail(errno, "sched_getaffinity");
	memset(words, 0, FERRULE_CPU_WORDS * sizeof(*words));
	for (core = 0; core < CORES_MAX; core++) {
		if (CPU_ISSET(core, &set))
			words[core / 32] |= 1u << (core % 32);
	}
	return 0;
}

int32_t ferrule_cpu_set_name(const char *name)
{
	char text[16];

	snprintf(text, sizeof(text), "%.15s", name);
	if (prctl(PR_SET_NAME, text, 0, 0, 0) != 0)
		return ferrule_fail(errno, "prctl(PR_SET_NAME)");
	return 0;
}

int32_t ferrule_cpu_set_realtime(int32_t priority)
{
	const struct sched_param wanted = { .sched_priority = priority };
	const int policy = priority == 0 ? SCHED_OTHER : SCHED_FIFO | SCHED_RESET_ON_FORK;

	if (sched_setscheduler(0, policy, &wanted) != 0)
		return ferrule_fail(errno, "sched_setscheduler(SCHED_FIFO, %d)", priority);
	return 0;
}

int32_t ferrule_cpu_threads(int32_t *ids, uint32_t ids_max)
{
	struct dirent *entry;
	uint32_t count = 0;
	DIR *directory = opendir("/proc/self/task");

	if (!directory)
		return ferrule_fail(errno, "/proc/self/task");
	while (count < ids_max && (entry = readdir(directory)) != NULL) {
		if (sscanf(entry->d_name, "%d", &ids[count]) == 1)
			count++;
	}
	closedir(directory);
	return (int32_t)count;
}

void ferrule_cpu_yield(void)
{
	sched_yield();
}

void ferrule_cpu_pause(uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		__builtin_ia32_pause();
}

void ferrule_cpu_sleep(uint32_t microseconds)
{
	struct timespec time;

	time.tv_sec = (time_t)(microseconds / 1000000);
	time.tv_nsec = (long)(microseconds % 1000000) * 1000;
	nanosleep(&time, NULL);
}
