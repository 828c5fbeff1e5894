/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "mapped.h"
#include "memory.h"

#define READ_MAX (1u << 30)
/* How long a worker that has synced looks out for the next sync before it sleeps. */
#define LOOK_OUT_NS 60000
#define ZERO_CHUNK_BYTES ((size_t)1 << 20)

static const uint8_t zeros[ZERO_CHUNK_BYTES];

int32_t ferrule_file_open(const char *path, uint32_t flags)
{
	int native = O_CLOEXEC;
	int fd;

	if ((flags & FERRULE_FILE_READ) && (flags & FERRULE_FILE_WRITE))
		native |= O_RDWR;
	else if (flags & FERRULE_FILE_WRITE)
		native |= O_WRONLY;
	else
		native |= O_RDONLY;
	if (flags & FERRULE_FILE_CREATE)
		native |= O_CREAT;
	if (flags & FERRULE_FILE_EXCLUSIVE)
		native |= O_EXCL;
	if (flags & FERRULE_FILE_TRUNCATE)
		native |= O_TRUNC;
	if (flags & FERRULE_FILE_DIRECTORY)
		native |= O_DIRECTORY;
	fd = open(path, native, 0640);
	if (fd < 0)
		return ferrule_fail(errno, "open '%s'", path);
	return fd;
}

int32_t ferrule_file_close(int32_t fd)
{
	if (close(fd) != 0 && errno != EINTR)
		return ferrule_fail(errno, "close");
	return 0;
}

int32_t ferrule_file_make_directory(const char *path)
{
	if (mkdir(path, 0750) != 0 && errno != EEXIST)
		return ferrule_fail(errno, "mkdir '%s'", path);
	return 0;
}

/* 0 or errno. */
static int write_all(int fd, const uint8_t *data, size_t bytes, off_t position)
{
	ssize_t written;

	while (bytes > 0) {
		written = pwrite(fd, data, bytes, position);
		if (written < 0) {
			if (errno == EINTR)
				continue;
			return errno;
		}
		if (written == 0)
			return EIO;
		data += written;
		bytes -= (size_t)written;
		position += written;
	}
	return 0;
}

/* 0 or errno. */
static int preallocate(int fd, off_t bytes, int zero)
{
	off_t position;
	size_t chunk;
	int err;

	do {
		err = posix_fallocate(fd, 0, bytes);
	} while (err == EINTR);
	if (err != 0)
		return err;
	if (!zero)
		return 0;
	for (position = 0; position < bytes; position += (off_t)chunk) {
		chunk = ZERO_CHUNK_BYTES;
		if (bytes - position < (off_t)chunk)
			chunk = (size_t)(bytes - position);
		err = write_all(fd, zeros, chunk, position);
		if (err != 0)
			return err;
	}
	return 0;
}

int32_t ferrule_file_preallocate(int32_t fd, double bytes, uint32_t zero)
{
	int err = preallocate(fd, (off_t)bytes, zero != 0);

	if (err != 0)
		return ferrule_fail(err, "preallocate %.0f bytes", bytes);
	return 0;
}

int32_t ferrule_file_write(int32_t fd, double address, uint32_t bytes, double position)
{
	int err = write_all(fd, ferrule_pointer(address), bytes, (off_t)position);

	if (err != 0)
		return ferrule_fail(err, "write %u bytes at %.0f", bytes, position);
	return 0;
}

int32_t ferrule_file_read(int32_t fd, double address, uint32_t bytes, double position)
{
	uint8_t *data = ferrule_pointer(address);
	uint32_t done = 0;
	ssize_t got;

	if (bytes > READ_MAX)
		return ferrule_fail(EINVAL, "read of %u bytes", bytes);
	while (done < bytes) {
		got = pread(fd, data + done, bytes - done, (off_t)position + done);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return ferrule_fail(errno, "read %u bytes at %.0f", bytes, position);
		}
		if (got == 0)
			break;
		done += (uint32_t)got;
	}
	return (int32_t)done;
}

int32_t ferrule_file_sync(int32_t fd)
{
	if (fdatasync(fd) != 0)
		return ferrule_fail(errno, "fdatasync");
	return 0;
}

int32_t ferrule_file_sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int32_t result = 0;

	if (fd < 0)
		return ferrule_fail(errno, "open '%s'", path);
	if (fsync(fd) != 0)
		result = ferrule_fail(errno, "fsync '%s'", path);
	close(fd);
	return result;
}

int32_t ferrule_file_truncate(int32_t fd, double bytes)
{
	if (ftruncate(fd, (off_t)bytes) != 0)
		return ferrule_fail(errno, "ftruncate to %.0f bytes", bytes);
	return 0;
}

int32_t ferrule_file_size(int32_t fd, double *bytes)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return ferrule_fail(errno, "fstat");
	*bytes = (double)status.st_size;
	return 0;
}

int32_t ferrule_file_rename(const char *from, const char *to)
{
	if (rename(from, to) != 0)
		return ferrule_fail(errno, "rename '%s' to '%s'", from, to);
	return 0;
}

int32_t ferrule_file_unlink(const char *path)
{
	if (unlink(path) != 0)
		return ferrule_fail(errno, "unlink '%s'", path);
	return 0;
}

int32_t ferrule_file_lock(int32_t fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return ferrule_fail(errno, "flock");
	return 0;
}

int32_t ferrule_file_space(int32_t fd, double *bytes)
{
	struct statvfs status;

	if (fstatvfs(fd, &status) != 0)
		return ferrule_fail(errno, "fstatvfs");
	*bytes = (double)status.f_bavail * (double)status.f_frsize;
	return 0;
}

enum job {
	JOB_NONE,
	JOB_SYNC,
	JOB_PREPARE,
	JOB_POPULATE,
	JOB_UNMAP,
	JOB_WRITE,
	JOB_STOP,
};

struct worker {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	enum job job; /* written under mutex, atomic */
	int fd;
	int directory_fd;
	off_t bytes;
	off_t position;
	double address;
	int zero;
	char path[PATH_MAX];
	int32_t result; /* atomic */
};

static pthread_mutex_t workers_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct worker *workers[FERRULE_FILE_WORKERS_MAX];

static int32_t run_sync(const struct worker *worker)
{
	if (fdatasync(worker->fd) != 0)
		return -errno;
	if (worker->directory_fd >= 0 && fsync(worker->directory_fd) != 0)
		return -errno;
	return 0;
}

static int32_t run_prepare(const struct worker *worker)
{
	const int fd = open(worker->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	int err;

	if (fd < 0)
		return -errno;
	err = preallocate(fd, worker->bytes, worker->zero);
	if (err == 0 && fdatasync(fd) != 0)
		err = errno;
	if (err != 0) {
		close(fd);
		unlink(worker->path);
		return -err;
	}
	return fd;
}

static int32_t run(const struct worker *worker, enum job job)
{
	switch (job) {
	case JOB_SYNC:
		return run_sync(worker);
	case JOB_PREPARE:
		return run_prepare(worker);
	case JOB_POPULATE:
		return ferrule_mapped_populate(worker->address, (double)worker->bytes);
	case JOB_UNMAP:
		return ferrule_mapped_close(worker->address, (double)worker->bytes);
	case JOB_WRITE:
		return ferrule_file_write(worker->fd, worker->address, (uint32_t)worker->bytes,
					  (double)worker->position);
	default:
		return -EINVAL;
	}
}

/* A worker that a pinned, spinning thread starts must not stay on its core. */
static void unpin(void)
{
	cpu_set_t set;

	if (sched_getaffinity(getpid(), sizeof(set), &set) == 0)
		sched_setaffinity(0, sizeof(set), &set);
}

/* Waking a thread costs as much as a third of a sync: right after one, the next job is looked out for. */
static void look_out(const struct worker *worker)
{
	struct timespec now;
	int64_t until_ns = 0;

	for (;;) {
		int64_t now_ns;

		if (__atomic_load_n(&worker->job, __ATOMIC_ACQUIRE) != JOB_NONE)
			return;
		clock_gettime(CLOCK_MONOTONIC, &now);
		now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
		if (until_ns == 0)
			until_ns = now_ns + LOOK_OUT_NS;
		else if (now_ns >= until_ns)
			return;
		sched_yield();
	}
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	int32_t result;
	enum job job;

	prctl(PR_SET_NAME, "ferrule-file", 0, 0, 0);
	unpin();
	for (;;) {
		pthread_mutex_lock(&worker->mutex);
		while (worker->job == JOB_NONE)
			pthread_cond_wait(&worker->wake, &worker->mutex);
		job = worker->job;
		__atomic_store_n(&worker->job, JOB_NONE, __ATOMIC_RELAXED);
		pthread_mutex_unlock(&worker->mutex);
		if (job == JOB_STOP)
			return NULL;
		result = run(worker, job);
		__atomic_store_n(&worker->result, result, __ATOMIC_SEQ_CST);
		if (job == JOB_SYNC)
			look_out(worker);
	}
}

static struct worker *find_worker(int32_t number)
{
	if (number < 0 || number >= FERRULE_FILE_WORKERS_MAX)
		return NULL;
	return __atomic_load_n(&workers[number], __ATOMIC_ACQUIRE);
}

/* 0 or errno. The thread takes no signals: those are for the program's own. */
static int start_thread(struct worker *worker)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&worker->thread, NULL, work, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

int32_t ferrule_file_worker_start(void)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int32_t number;
	int err;

	if (!worker)
		return ferrule_fail(ENOMEM, "worker");
	pthread_mutex_init(&worker->mutex, NULL);
	pthread_cond_init(&worker->wake, NULL);
	pthread_mutex_lock(&workers_mutex);
	for (number = 0; number < FERRULE_FILE_WORKERS_MAX; number++) {
		if (!workers[number])
			break;
	}
	err = number == FERRULE_FILE_WORKERS_MAX ? EMFILE : start_thread(worker);
	if (err == 0)
		__atomic_store_n(&workers[number], worker, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&workers_mutex);
	if (err == 0)
		return number;
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->mutex);
	free(worker);
	return ferrule_fail(err, "file worker (at most %d)", FERRULE_FILE_WORKERS_MAX);
}

/* Takes the worker for a job; the caller fills it in and calls submit(). */
static int32_t take(int32_t number, struct worker **taken)
{
	struct worker *worker = find_worker(number);

	if (!worker)
		return ferrule_fail(EBADF, "file worker %d", number);
	if (__atomic_load_n(&worker->result, __ATOMIC_SEQ_CST) == -EINPROGRESS)
		return ferrule_fail(EBUSY, "file worker %d", number);
	*taken = worker;
	return 0;
}

static void submit(struct worker *worker, enum job job)
{
	__atomic_store_n(&worker->result, -EINPROGRESS, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&worker->mutex);
	__atomic_store_n(&worker->job, job, __ATOMIC_RELEASE);
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->mutex);
}

int32_t ferrule_file_worker_sync(int32_t number, int32_t fd, int32_t directory_fd)
{
	struct worker *worker = NULL;
	int32_t result = take(number, &worker);

	if (result < 0)
		return result;
	worker->fd = fd;
	worker->directory_fd = directory_fd;
	submit(worker, JOB_SYNC);
	return 0;
}

int32_t ferrule_file_worker_prepare(int32_t number, const char *path, double bytes, uint32_t zero)
{
	struct worker *worker = NULL;
	int32_t result = take(number, &worker);
	size_t length = strlen(path);

	if (result < 0)
		return result;
	if (length >= sizeof(worker->path))
		return ferrule_fail(ENAMETOOLONG, "prepare a file");
	memcpy(worker->path, path, length + 1);
	worker->bytes = (off_t)bytes;
	worker->zero = zero != 0;
	submit(worker, JOB_PREPARE);
	return 0;
}

static int32_t start_mapped(int32_t number, enum job job, double address, double bytes)
{
	struct worker *worker = NULL;
	int32_t result = take(number, &worker);

	if (result < 0)
		return result;
	worker->address = address;
	worker->bytes = (off_t)bytes;
	submit(worker, job);
	return 0;
}

int32_t ferrule_file_worker_populate(int32_t number, double address, double bytes)
{
	return start_mapped(number, JOB_POPULATE, address, bytes);
}

int32_t ferrule_file_worker_unmap(int32_t number, double address, double bytes)
{
	return start_mapped(number, JOB_UNMAP, address, bytes);
}

int32_t ferrule_file_worker_write(int32_t number, int32_t fd, double address, uint32_t bytes,
				  double position)
{
	struct worker *worker = NULL;
	int32_t result = take(number, &worker);

	if (result < 0)
		return result;
	worker->fd = fd;
	worker->address = address;
	worker->bytes = (off_t)bytes;
	worker->position = (off_t)position;
	submit(worker, JOB_WRITE);
	return 0;
}

int32_t ferrule_file_worker_poll(int32_t number)
{
	struct worker *worker = find_worker(number);

	if (!worker)
		return ferrule_fail(EBADF, "file worker %d", number);
	return __atomic_load_n(&worker->result, __ATOMIC_SEQ_CST);
}

int32_t ferrule_file_worker_stop(int32_t number)
{
	struct worker *worker = find_worker(number);

	if (!worker)
		return ferrule_fail(EBADF, "file worker %d", number);
	while (__atomic_load_n(&worker->result, __ATOMIC_SEQ_CST) == -EINPROGRESS)
		usleep(100);
	pthread_mutex_lock(&worker->mutex);
	worker->job = JOB_STOP;
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->mutex);
	pthread_join(worker->thread, NULL);
	pthread_mutex_lock(&workers_mutex);
	__atomic_store_n(&workers[number], NULL, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&workers_mutex);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->mutex);
	free(worker);
	return 0;
}
