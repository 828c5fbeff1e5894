/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/*
 * Faults of a disk for a real process: preloaded, it stands before the C
 * library's calls and fails, delays or shortens those about files under a
 * folder named "journal". What it does is read from a file at each call, so a
 * test can change its mind.
 *
 *   $FERRULE_FAULTS:   call action value        one fault on each line
 *
 *   call     pwrite, fdatasync, fallocate
 *   action   fail (value = errno), delay (milliseconds),
 *            short (pwrite: bytes at most), interrupt (pwrite: EINTR, every value-th call)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct fault {
	int fail;
	int delay_ms;
	int short_bytes;
	int interrupt;
};

static int is_journal(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return 0;
	path[length] = 0;
	return strstr(path, "/journal/") != NULL;
}

static struct fault fault_of(const char *call)
{
	const char *path = getenv("FERRULE_FAULTS");
	struct fault found = { 0, 0, 0, 0 };
	char text[1024], name[32], action[32];
	const char *line;
	ssize_t length;
	int fd, value;

	fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return found;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length < 0 ? 0 : length] = 0;
	for (line = text; line != NULL && *line != 0; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%31s %31s %d", name, action, &value) != 3 ||
		    strcmp(name, call) != 0)
			continue;
		if (strcmp(action, "fail") == 0)
			found.fail = value;
		else if (strcmp(action, "delay") == 0)
			found.delay_ms = value;
		else if (strcmp(action, "short") == 0)
			found.short_bytes = value;
		else if (strcmp(action, "interrupt") == 0)
			found.interrupt = value;
	}
	return found;
}

static void wait_ms(int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	while (ms > 0 && nanosleep(&time, &time) != 0 && errno == EINTR)
		continue;
}

/* -1 with errno set if the call fails. */
static int meet(const char *call, struct fault *fault)
{
	*fault = fault_of(call);
	wait_ms(fault->delay_ms);
	if (fault->fail == 0)
		return 0;
	errno = fault->fail;
	return -1;
}

static ssize_t write_faulty(int fd, const void *data, size_t bytes, off_t position)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);
	static int calls;
	struct fault fault;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
	if (!is_journal(fd))
		return real(fd, data, bytes, position);
	if (meet("pwrite", &fault) != 0)
		return -1;
	if (fault.interrupt > 0 && __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % fault.interrupt == 0) {
		errno = EINTR;
		return -1;
	}
	if (fault.short_bytes > 0 && bytes > (size_t)fault.short_bytes)
		bytes = (size_t)fault.short_bytes;
	return real(fd, data, bytes, position);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t position)
{
	return write_faulty(fd, data, bytes, position);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t position)
{
	return write_faulty(fd, data, bytes, position);
}

int fdatasync(int fd)
{
	static int (*real)(int);
	struct fault fault;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
	if (is_journal(fd) && meet("fdatasync", &fault) != 0)
		return -1;
	return real(fd);
}

static int fallocate_faulty(int fd, off_t from, off_t bytes)
{
	static int (*real)(int, off_t, off_t);
	struct fault fault;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "posix_fallocate64");
	if (is_journal(fd) && meet("fallocate", &fault) != 0)
		return errno;
	return real(fd, from, bytes);
}

int posix_fallocate(int fd, off_t from, off_t bytes)
{
	return fallocate_faulty(fd, from, bytes);
}

int posix_fallocate64(int fd, off_t from, off_t bytes)
{
	return fallocate_faulty(fd, from, bytes);
}
