/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "mapped.h"
#include "memory.h"

/* From linux/magic.h: file systems that write a block where it is. */
#define EXT_MAGIC 0xef53
#define XFS_MAGIC 0x58465342
#define TMPFS_MAGIC 0x01021994

/* Linux 5.14 and later; older C libraries do not name it. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define LINE_BYTES 64u

static __thread sigjmp_buf escape;
static __thread volatile sig_atomic_t copying;
static struct sigaction before;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A copy of ours ends with an error; any other access is not ours to judge. */
static void on_bus_error(int signal, siginfo_t *info, void *context)
{
	if (copying)
		siglongjmp(escape, 1);
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(signal, info, context);
	else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
		before.sa_handler(signal);
	else
		sigaction(SIGBUS, &before, NULL);
}

static void install(void)
{
	struct sigaction action = { .sa_sigaction = on_bus_error,
				    .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, &before);
}

int32_t ferrule_mapped_open(int32_t fd, double bytes, double *address)
{
	struct statfs status;
	void *start;

	if (fstatfs(fd, &status) != 0)
		return ferrule_fail(errno, "fstatfs");
	if (status.f_type != EXT_MAGIC && status.f_type != XFS_MAGIC &&
	    status.f_type != TMPFS_MAGIC)
		return ferrule_fail(ENOTSUP, "file system type 0x%lx", (long)status.f_type);
	pthread_once(&once, install);
	start = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (start == MAP_FAILED)
		return ferrule_fail(errno, "mmap %.0f bytes", bytes);
	*address = (double)(uintptr_t)start;
	return 0;
}

int32_t ferrule_mapped_close(double address, double bytes)
{
	if (munmap(ferrule_pointer(address), (size_t)bytes) != 0)
		return ferrule_fail(errno, "munmap %.0f bytes", bytes);
	return 0;
}

/* Line by line in this order, whatever the compiler would like. */
static void copy_forward(uint8_t *to, const uint8_t *from, uint32_t bytes)
{
	uint32_t at;

	for (at = 0; at + LINE_BYTES <= bytes; at += LINE_BYTES) {
		memcpy(to + at, from + at, LINE_BYTES);
		__asm__ volatile("" ::: "memory");
	}
	memcpy(to + at, from + at, bytes - at);
}

int32_t ferrule_mapped_write(double address, double source, uint32_t bytes)
{
	if (sigsetjmp(escape, 0) != 0) {
		copying = 0;
		return ferrule_fail(EIO, "write %u bytes to a mapped file", bytes);
	}
	copying = 1;
	copy_forward(ferrule_pointer(address), ferrule_pointer(source), bytes);
	copying = 0;
	return 0;
}

int32_t ferrule_mapped_populate(double address, double bytes)
{
	if (madvise(ferrule_pointer(address), (size_t)bytes, MADV_POPULATE_WRITE) != 0)
		return -errno;
	return 0;
}
