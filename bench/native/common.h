/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * What the benchmark programs share: arguments, pinning, time, sockets that
 * never block, and the distribution of samples. Everything is bounded by a
 * count and by --seconds.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_SAMPLES_MAX (10 * 1000 * 1000)

/** Prints to stderr what went wrong and ends with status 1. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/** The value after "--name", or the default. */
const char *bench_text(int count, char **arguments, const char *name, const char *otherwise);

/** The same as a whole number in [low, high]. */
int64_t bench_number(int count, char **arguments, const char *name, int64_t otherwise, int64_t low,
		     int64_t high);

/** Pins this thread; -1 = leave it. */
void bench_pin(int64_t core);

/** Nanoseconds since some moment. */
int64_t bench_now_ns(void);

/** Sets *stop on SIGTERM and SIGINT. */
void bench_stop_on_signal(void);
extern volatile bool bench_stop;

/** Ends the program with status 2 when the time is up; start with the seconds. */
void bench_deadline_start(int64_t seconds);
/** True when the time is up or a signal came. Reads the clock. */
bool bench_over(void);

/** A connected socket that does not block: TCP with Nagle off, or UDP. */
int bench_connect(const char *host, int64_t port, bool tcp);

/** A bound socket that does not block: a TCP listener, or UDP. */
int bench_listen(int64_t port, bool tcp);

/** Nagle off, no blocking. */
void bench_prepare_stream(int fd);

/** Sends all, spinning; false when the peer is gone or the time is up. */
bool bench_send_all(int fd, const void *bytes, size_t length);

/** Receives exactly length bytes, spinning; false as bench_send_all(). */
bool bench_receive_all(int fd, void *bytes, size_t length);

/** One look: sends or receives what is possible now; 0 = nothing, -1 = the peer is gone. */
int64_t bench_try_send(int fd, const void *bytes, size_t length);
int64_t bench_try_receive(int fd, void *bytes, size_t length);

/** Durations in nanoseconds. */
struct bench_samples {
	int64_t *values;
	int64_t count;
};

void bench_samples_open(struct bench_samples *samples, int64_t count_max);
void bench_samples_sort(struct bench_samples *samples);
/** Per mille, in tenths: 500.0 = median. The samples are sorted. */
int64_t bench_samples_at(const struct bench_samples *samples, double per_mille);
/** Prints "count", "p50Ns", "p90Ns", "p99Ns", "p999Ns", "minNs", "maxNs" as members of an object. */
void bench_samples_print(struct bench_samples *samples);

/** CRC32C of bytes. */
uint32_t bench_crc32c(const void *bytes, size_t length);

#endif
