/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "memory.h"

#define HUGE_BYTES ((size_t)2 << 20)
#define BYTES_MAX ((double)((uint64_t)1 << 46))
#define CAP_IPC_LOCK_BIT 14

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif

/*
 * MAP_POPULATE does not report a page that could not be had; touching it later
 * would be a bus error. This asks again, and is free where all pages are there.
 */
static int populate(void *memory, size_t bytes)
{
	int tries;

	for (tries = 0; tries < 64; tries++) {
		if (madvise(memory, bytes, MADV_POPULATE_WRITE) == 0)
			return 0;
		if (errno == EINVAL)
			return 0; /* before Linux 5.14: MAP_POPULATE has to do */
		if (errno != EINTR && errno != EAGAIN)
			return errno;
	}
	return EAGAIN;
}

static void *map_huge(size_t bytes, int *err)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_HUGETLB | MAP_HUGE_2MB;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (memory == MAP_FAILED) {
		*err = errno;
		return NULL;
	}
	*err = populate(memory, bytes);
	if (*err != 0) {
		munmap(memory, bytes);
		return NULL;
	}
	/* Huge pages are never swapped, so a refusal here changes nothing. */
	mlock(memory, bytes);
	return memory;
}

/* On a boundary of 2 MB, so that the kernel may use transparent huge pages. */
static void *map_ordinary(size_t bytes, int *err)
{
	const size_t whole = bytes + HUGE_BYTES;
	uintptr_t start, aligned;
	size_t head, tail;
	void *memory;

	memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		*err = errno;
		return NULL;
	}
	start = (uintptr_t)memory;
	aligned = (start + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1);
	head = aligned - start;
	tail = whole - head - bytes;
	if (head != 0)
		munmap(memory, head);
	if (tail != 0)
		munmap((void *)(aligned + bytes), tail);
	memory = (void *)aligned;
	madvise(memory, bytes, MADV_HUGEPAGE);
	*err = populate(memory, bytes);
	if (*err != 0) {
		munmap(memory, bytes);
		return NULL;
	}
	return memory;
}

int32_t ferrule_memory_map(double bytes, uint32_t huge, double *result)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t wanted, rounded;
	void *memory = NULL;
	int err = 0;

	memset(result, 0, FERRULE_MAP_WORDS * sizeof(*result));
	if (!(bytes >= 1 && bytes <= BYTES_MAX))
		return ferrule_fail(EINVAL, "%.0f bytes", bytes);
	wanted = (size_t)bytes;
	if (huge) {
		rounded = (wanted + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
		memory = map_huge(rounded, &err);
		if (memory) {
			result[FERRULE_MAP_HUGE] = 1;
			result[FERRULE_MAP_LOCKED] = 1;
		} else {
			result[FERRULE_MAP_HUGE_ERRNO] = err;
		}
	}
	if (!memory) {
		rounded = (wanted + page - 1) & ~(page - 1);
		memory = map_ordinary(rounded, &err);
		if (!memory)
			return ferrule_fail(err, "%zu bytes of ordinary pages", rounded);
		if (mlock(memory, rounded) == 0)
			result[FERRULE_MAP_LOCKED] = 1;
		else
			result[FERRULE_MAP_LOCK_ERRNO] = errno;
	}
	result[FERRULE_MAP_ADDRESS] = (double)(uintptr_t)memory;
	result[FERRULE_MAP_BYTES] = (double)rounded;
	return 0;
}

int32_t ferrule_memory_unmap(double address, double bytes)
{
	if (munmap(ferrule_pointer(address), (size_t)bytes) != 0)
		return ferrule_fail(errno, "munmap of %.0f bytes", bytes);
	return 0;
}

static double read_number(const char *path)
{
	double value = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return 0;
	if (fscanf(file, "%lf", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static double limit_value(rlim_t limit)
{
	return limit == RLIM_INFINITY ? -1.0 : (double)limit;
}

static int can_lock(void)
{
	char line[256];
	uint64_t effective = 0;
	FILE *file = fopen("/proc/self/status", "re");

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "CapEff: %" SCNx64, &effective) == 1)
			break;
	}
	fclose(file);
	return (int)(effective >> CAP_IPC_LOCK_BIT & 1);
}

int32_t ferrule_memory_info(double *result)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return ferrule_fail(errno, "getrlimit(RLIMIT_MEMLOCK)");
	result[FERRULE_INFO_HUGE_TOTAL] =
		read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	result[FERRULE_INFO_HUGE_FREE] =
		read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	result[FERRULE_INFO_HUGE_RESERVED] =
		read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages");
	result[FERRULE_INFO_HUGE_BYTES] = (double)HUGE_BYTES;
	result[FERRULE_INFO_MEMLOCK_SOFT] = limit_value(limit.rlim_cur);
	result[FERRULE_INFO_MEMLOCK_HARD] = limit_value(limit.rlim_max);
	result[FERRULE_INFO_CAN_LOCK] = can_lock();
	result[FERRULE_INFO_PAGE_BYTES] = (double)sysconf(_SC_PAGESIZE);
	return 0;
}

uint32_t ferrule_memory_peek(double address)
{
	return __atomic_load_n((const uint32_t *)ferrule_pointer(address), __ATOMIC_SEQ_CST);
}
