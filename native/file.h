/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Files for the journal: positions as doubles, whole writes, syncs that do not
 * block the caller.
 *
 * A worker is one thread with one job at a time. It exists because fdatasync()
 * takes as long as the disk does, while the caller has orders to take in.
 */
#ifndef FERRULE_FILE_H
#define FERRULE_FILE_H

#include "ferrule.h"

/** Flags of ferrule_file_open(). */
enum {
	FERRULE_FILE_READ = 1,
	FERRULE_FILE_WRITE = 2,
	FERRULE_FILE_CREATE = 4,
	FERRULE_FILE_EXCLUSIVE = 8, /* with CREATE: -EEXIST if it is there */
	FERRULE_FILE_TRUNCATE = 16,
	FERRULE_FILE_DIRECTORY = 32,
};

/** Workers that can exist at a time. */
#define FERRULE_FILE_WORKERS_MAX 64

/** Returns a descriptor. Files are created with mode 0640. */
FERRULE_EXPORT int32_t ferrule_file_open(const char *path, uint32_t flags);
FERRULE_EXPORT int32_t ferrule_file_close(int32_t fd);

/** Makes the directory with mode 0750; 0 also if it is there. Parents must exist. */
FERRULE_EXPORT int32_t ferrule_file_make_directory(const char *path);

/** Gives the file this size in blocks that exist; zero != 0 writes zeros to all of them. */
FERRULE_EXPORT int32_t ferrule_file_preallocate(int32_t fd, double bytes, uint32_t zero);

/** Writes all bytes or fails: 0 or -errno. */
FERRULE_EXPORT int32_t ferrule_file_write(int32_t fd, double address, uint32_t bytes,
					  double position);

/** Returns the bytes read: fewer than asked only at the end of the file. At most 1 GiB. */
FERRULE_EXPORT int32_t ferrule_file_read(int32_t fd, double address, uint32_t bytes,
					 double position);

/** fdatasync(); blocks. */
FERRULE_EXPORT int32_t ferrule_file_sync(int32_t fd);
/** fsync() of a directory, so that names in it last; blocks. */
FERRULE_EXPORT int32_t ferrule_file_sync_directory(const char *path);
FERRULE_EXPORT int32_t ferrule_file_truncate(int32_t fd, double bytes);
FERRULE_EXPORT int32_t ferrule_file_size(int32_t fd, double *bytes);
FERRULE_EXPORT int32_t ferrule_file_rename(const char *from, const char *to);
FERRULE_EXPORT int32_t ferrule_file_unlink(const char *path);

/** Takes the exclusive lock of an open file or directory; -EAGAIN if another has it. */
FERRULE_EXPORT int32_t ferrule_file_lock(int32_t fd);

/** Bytes that an ordinary user can still write on the file's file system. */
FERRULE_EXPORT int32_t ferrule_file_space(int32_t fd, double *bytes);

/** Starts a worker; returns its number. It runs where the process's first thread may run. */
FERRULE_EXPORT int32_t ferrule_file_worker_start(void);

/** Job: fdatasync(fd), then fsync(directory_fd) if that is not -1. -EBUSY if one is running. */
FERRULE_EXPORT int32_t ferrule_file_worker_sync(int32_t worker, int32_t fd, int32_t directory_fd);

/**
 * Job: creates (or empties) the file, gives it this size as
 * ferrule_file_preallocate() does, syncs it. Its result is the descriptor.
 */
FERRULE_EXPORT int32_t ferrule_file_worker_prepare(int32_t worker, const char *path, double bytes,
						   uint32_t zero);

/** Job: makes pages of a mapped file writable ahead of its writer; see mapped.h. */
FERRULE_EXPORT int32_t ferrule_file_worker_populate(int32_t worker, double address, double bytes);

/** Job: ferrule_mapped_close(). */
FERRULE_EXPORT int32_t ferrule_file_worker_unmap(int32_t worker, double address, double bytes);

/** Job: ferrule_file_write(). What is written must stay as it is until then. */
FERRULE_EXPORT int32_t ferrule_file_worker_write(int32_t worker, int32_t fd, double address,
						 uint32_t bytes, double position);

/** The last job's result (0 or more, or -errno), or -EINPROGRESS while it runs. */
FERRULE_EXPORT int32_t ferrule_file_worker_poll(int32_t worker);

/** Waits for the job that runs, then ends the thread. */
FERRULE_EXPORT int32_t ferrule_file_worker_stop(int32_t worker);

#endif
