/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * The shims without Deno, for the build with sanitizers: every function once
 * in each way that it can end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "cpu.h"
#include "crc32c.h"
#include "event_digest.h"
#include "file.h"
#include "journal.h"
#include "host.h"
#include "memory.h"
#include "numa.h"
#include "notify.h"

#define CHECK(condition)                                                          \
	do {                                                                      \
		if (!(condition)) {                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                  \
		}                                                                 \
	} while (0)

static double address_of(const void *data)
{
	return (double)(uintptr_t)data;
}

static void test_error(void)
{
	char text[512];
	char small[8];
	uint32_t words[2];

	CHECK(ferrule_abi_version() == FERRULE_ABI_VERSION);
	CHECK(ferrule_clock_read(9, address_of(words)) == -EINVAL);
	CHECK(ferrule_last_error(text, sizeof(text)) > 0);
	CHECK(strstr(text, "clock 9") != NULL);
	CHECK(ferrule_last_error(small, sizeof(small)) == 7);
	CHECK(strlen(small) == 7);
	CHECK(ferrule_last_error(small, 0) == 0);
}

static void test_memory(uint32_t huge)
{
	const double bytes = 3 << 20;
	double result[FERRULE_MAP_WORDS];
	double info[FERRULE_INFO_WORDS];
	uint8_t *data;

	CHECK(ferrule_memory_map(bytes, huge, result) == 0);
	CHECK(result[FERRULE_MAP_BYTES] >= bytes);
	data = ferrule_pointer(result[FERRULE_MAP_ADDRESS]);
	CHECK(data[0] == 0 && data[(size_t)bytes - 1] == 0);
	memset(data, 0xa5, (size_t)bytes);
	CHECK(ferrule_memory_peek(result[FERRULE_MAP_ADDRESS]) == 0xa5a5a5a5u);
	CHECK(ferrule_memory_unmap(result[FERRULE_MAP_ADDRESS], result[FERRULE_MAP_BYTES]) == 0);
	CHECK(ferrule_memory_unmap(1, 4096) == -EINVAL);
	CHECK(ferrule_memory_map(0, huge, result) == -EINVAL);
	CHECK(ferrule_memory_map(-1, huge, result) == -EINVAL);
	CHECK(ferrule_memory_map(1e18, huge, result) == -EINVAL);
	CHECK(ferrule_memory_info(info) == 0);
	CHECK(info[FERRULE_INFO_PAGE_BYTES] >= 4096);
	CHECK(info[FERRULE_INFO_HUGE_FREE] <= info[FERRULE_INFO_HUGE_TOTAL]);
}

static void test_cpu(void)
{
	uint32_t before[FERRULE_CPU_WORDS];
	uint32_t none[FERRULE_CPU_WORDS] = { 0 };
	uint32_t after[FERRULE_CPU_WORDS];

	CHECK(ferrule_cpu_count() >= 1);
	CHECK(ferrule_cpu_current() >= 0);
	CHECK(ferrule_cpu_node(0) >= 0);
	CHECK(ferrule_cpu_node(100000) == -ENOENT);
	CHECK(ferrule_cpu_get_affinity(before) == 0);
	CHECK(ferrule_cpu_set_affinity(before) == 0);
	CHECK(ferrule_cpu_set_affinity(none) == -EINVAL);
	CHECK(ferrule_cpu_get_affinity(after) == 0);
	CHECK(memcmp(before, after, sizeof(before)) == 0);
	CHECK(ferrule_cpu_set_name("a name that is longer than fifteen bytes") == 0);
	ferrule_cpu_yield();
	ferrule_cpu_pause(3);
	ferrule_cpu_sleep(10);
}

static void test_numa(void)
{
	const double bytes = 3 << 20;
	double map[FERRULE_MAP_WORDS], pages[FERRULE_NUMA_WORDS];
	double address;

	CHECK(ferrule_memory_map(bytes, 0, map) == 0);
	address = map[FERRULE_MAP_ADDRESS];
	CHECK(ferrule_numa_prefer(0) == 0);
	CHECK(ferrule_numa_prefer(-1) == 0);
	CHECK(ferrule_numa_prefer(FERRULE_NUMA_NODES_MAX) == -EINVAL);
	CHECK(ferrule_numa_bind(address, bytes, 0) == 0);
	CHECK(ferrule_numa_bind(address, bytes, -1) == -EINVAL);
	CHECK(ferrule_numa_count(address, bytes, 4096, 0, pages) == 0);
	CHECK(pages[FERRULE_NUMA_PAGES_THERE] == bytes / 4096);
	CHECK(ferrule_numa_count(address, bytes, 0, 0, pages) == -EINVAL);
	CHECK(ferrule_memory_unmap(address, map[FERRULE_MAP_BYTES]) == 0);
}

static void test_host(void)
{
	double owner[FERRULE_STAT_WORDS], coalescing[FERRULE_COALESCE_WORDS], took;
	char names[4096], small[4], name[16];

	CHECK(ferrule_host_list("/proc/self/task", names, sizeof(names)) > 0);
	CHECK(ferrule_host_list("/proc", small, sizeof(small)) == -EOVERFLOW);
	CHECK(ferrule_host_list("/none", names, sizeof(names)) == -ENOENT);
	CHECK(ferrule_host_link("/proc/self", small, sizeof(small)) > 0);
	CHECK(ferrule_host_link("/proc", small, sizeof(small)) == -EINVAL);
	CHECK(ferrule_host_stat("/proc", owner) == 0);
	CHECK(ferrule_host_stat("/none", owner) == -ENOENT);
	CHECK(ferrule_host_interface("127.0.0.1", name, sizeof(name)) == 2);
	CHECK(ferrule_host_interface("127.0.0.1", name, 1) == 1);
	CHECK(ferrule_host_interface("lo", name, sizeof(name)) == -EINVAL);
	CHECK(ferrule_host_coalescing("a name that is too long for it", coalescing) == -EINVAL);
	CHECK(ferrule_host_coalescing("lo", coalescing) == -EOPNOTSUPP);
	CHECK(ferrule_host_connect("127.0.0.1", 1, 1000, &took) == -ECONNREFUSED);
	CHECK(ferrule_host_connect("localhost", 1, 1000, &took) == -EINVAL);
	CHECK(ferrule_cpu_set_realtime(100) == -EINVAL);
}

static void test_clock(void)
{
	uint32_t words[4] = { 7, 7, 7, 7 };
	uint32_t clock;

	for (clock = FERRULE_CLOCK_REALTIME; clock <= FERRULE_CLOCK_TAI; clock++)
		CHECK(ferrule_clock_read(clock, address_of(words + 1)) == 0);
	CHECK(words[0] == 7 && words[3] == 7);
	CHECK(words[2] != 7);
}

static void test_crc32c(void)
{
	static const char vector[] = "123456789";
	uint8_t records[3 * 128 + 1];
	uint8_t *start = records + 1; /* not aligned */
	const double address = address_of(start);
	uint32_t i;

	CHECK(ferrule_crc32c(address_of(vector), 9) == 0xe3069283u);
	CHECK(ferrule_crc32c_buffer((const uint8_t *)vector, 9) == 0xe3069283u);
	CHECK(ferrule_crc32c(address_of(vector), 0) == 0);
	for (i = 0; i < sizeof(records); i++)
		records[i] = (uint8_t)(i * 31);
	ferrule_crc32c_seal_batch(address, 34, 11, 0, 30, 30);
	CHECK(ferrule_crc32c_verify_batch(address, 34, 11, 0, 30, 30) == -1);
	start[34 * 7 + 3] ^= 1;
	CHECK(ferrule_crc32c_verify_batch(address, 34, 11, 0, 30, 30) == 7);
	CHECK(ferrule_crc32c_verify_batch(address, 34, 7, 0, 30, 30) == -1);
	CHECK(ferrule_crc32c_verify_batch(address, 34, 0, 0, 30, 30) == -1);
}

/* Commands of 128, 192, 64 and 64 bytes with sequences 11, 12, 13 and 10. */
static uint8_t *make_ring(void)
{
	static const uint8_t lengths[4] = { 128, 192, 64, 64 };
	uint8_t *slots = calloc(4, 192);
	double sequence;
	int i;

	CHECK(slots != NULL);
	for (i = 0; i < 4; i++) {
		memset(slots + i * 192, 'a' + i, 192);
		slots[i * 192 + 4] = lengths[i];
		slots[i * 192 + 5] = 0;
		sequence = i == 3 ? 10 : 11 + i;
		memcpy(slots + i * 192 + 8, &sequence, 8);
	}
	return slots;
}

static void test_journal_walk(void)
{
	uint8_t *slots = make_ring();
	uint8_t *data = calloc(1, 448 + 64);
	const double address = address_of(data);
	struct ferrule_journal_group group = { .ring = address_of(slots), .group = address,
					       .secret = 77, .chain = 5, .epoch = 3 };
	struct ferrule_journal_walk walk = { .secret = 77, .chain = 5, .sequence = 10,
					     .epoch = 3 };
	const struct ferrule_journal_walk start = walk;

	CHECK(data != NULL);
	CHECK(ferrule_journal_gather(&group, 3, 3, 4, 0, 0) == 448);
	ferrule_journal_seal(&group, 4, 448);
	CHECK(ferrule_journal_verify(address, 512) == 512);
	CHECK(ferrule_journal_verify(address, 511) == 448);
	CHECK(ferrule_journal_verify(address, 191) == 64);
	CHECK(ferrule_journal_verify(address, 63) == 0);
	CHECK(ferrule_journal_walk(&walk, address, 400) == FERRULE_JOURNAL_MORE);
	CHECK(walk.end == 384 && walk.commands == 3);
	CHECK(ferrule_journal_walk(&walk, address + 384, 128) == FERRULE_JOURNAL_SEALED);
	CHECK(walk.chain == group.sealed && walk.sequence == 14 && walk.end == 128);
	CHECK(ferrule_journal_walk(&walk, address, 0) == FERRULE_JOURNAL_MORE);
	CHECK(ferrule_journal_is_seal(&walk.secret, address + 448) == 1);
	CHECK(ferrule_journal_is_seal(&walk.secret, address) == 0);
	walk = start;
	walk.chain = 6;
	CHECK(ferrule_journal_walk(&walk, address, 512) == FERRULE_JOURNAL_CHAIN);
	walk = start;
	walk.secret = 78;
	CHECK(ferrule_journal_walk(&walk, address, 512) == FERRULE_JOURNAL_SEAL);
	walk = start;
	walk.sequence = 9;
	CHECK(ferrule_journal_walk(&walk, address, 512) == FERRULE_JOURNAL_SEQUENCE);
	CHECK(walk.found > 9.5 && walk.found < 10.5);
	data[64 + 4] = 160;
	walk = start;
	CHECK(ferrule_journal_walk(&walk, address, 512) == FERRULE_JOURNAL_RECORD);
	CHECK(walk.end == 64);
	CHECK(ferrule_journal_verify(address, 512) == 64);
	free(slots);
	free(data);
}

static void test_journal_gather(void)
{
	uint8_t *slots = make_ring();
	uint8_t *target = calloc(3, 192);
	struct ferrule_journal_group group = { .ring = address_of(slots),
					       .group = address_of(target) };

	CHECK(target != NULL);
	CHECK(ferrule_journal_gather(&group, 3, 3, 1, 0, 300) == 64);
	CHECK(ferrule_journal_gather(&group, 0, 3, 3, 64, 301) == 128 + 192 + 64);
	CHECK(ferrule_journal_verify(address_of(target), 448) == 448);
	CHECK(target[40] == 'd' && target[64 + 40] == 'a' && target[64 + 127] == 'a');
	CHECK(target[192 + 63] == 'b' && target[384 + 63] == 'c' && target[448] == 0);
	CHECK(target[38] == 300 % 256 && target[39] == 1);
	CHECK(target[192 + 38] == 302 % 256 && target[192 + 39] == 1);
	CHECK(slots[38] == 'a');
	CHECK(ferrule_journal_gather(&group, 0, 3, 0, 0, 0) == 0);
	slots[192 + 4] = 0;
	CHECK(ferrule_journal_gather(&group, 0, 3, 3, 0, 0) == -EINVAL);
	slots[192 + 4] = 160;
	CHECK(ferrule_journal_gather(&group, 0, 3, 3, 0, 0) == -EINVAL);
	free(slots);
	free(target);
}

static void test_event_digest(void)
{
	uint8_t *slots = calloc(4, 192);
	struct ferrule_event_digest *digest =
		calloc(1, sizeof(*digest) + sizeof(struct ferrule_event_ring));
	uint64_t once;
	int i;

	CHECK(slots != NULL && digest != NULL);
	for (i = 0; i < 4; i++) {
		memset(slots + i * 192, 'a' + i, 192);
		slots[i * 192 + 4] = i == 0 ? 192 : 128;
		slots[i * 192 + 5] = 0;
	}
	digest->rings[0].address = address_of(slots);
	digest->rings[0].mask = 3;
	digest->rings[0].from = 0xfffffffeu;
	digest->rings[0].to = 2;
	CHECK(ferrule_event_digest_add(digest, 0) == 0);
	once = digest->sum;
	CHECK(once != 0 && digest->events > 3.5 && digest->events < 4.5);
	CHECK(ferrule_event_digest_add(digest, 0) == 0 && digest->sum == once);
	digest->rings[0].to = 6;
	CHECK(ferrule_event_digest_add(digest, 0) == 0 && digest->sum == 2 * once);
	slots[2 * 192 + 4] = 64;
	digest->rings[0].to = 7;
	CHECK(ferrule_event_digest_add(digest, 0) == -EINVAL);
	free(slots);
	free(digest);
}

static int32_t wait_for(int32_t worker)
{
	int32_t result;
	int tries;

	for (tries = 0; tries < 100000; tries++) {
		result = ferrule_file_worker_poll(worker);
		if (result != -EINPROGRESS)
			return result;
		ferrule_cpu_sleep(100);
	}
	return -ETIMEDOUT;
}

static void test_file(const char *directory)
{
	const uint32_t create = FERRULE_FILE_READ | FERRULE_FILE_WRITE | FERRULE_FILE_CREATE;
	char path[256], other[256], data[16] = "", found[16];
	double bytes = 0;
	int32_t fd, lock, second;

	snprintf(path, sizeof(path), "%s/a", directory);
	snprintf(other, sizeof(other), "%s/b", directory);
	CHECK(ferrule_file_open(path, FERRULE_FILE_READ) == -ENOENT);
	fd = ferrule_file_open(path, create | FERRULE_FILE_EXCLUSIVE);
	CHECK(fd >= 0);
	CHECK(ferrule_file_open(path, create | FERRULE_FILE_EXCLUSIVE) == -EEXIST);
	CHECK(ferrule_file_preallocate(fd, 3e6, 1) == 0);
	CHECK(ferrule_file_size(fd, &bytes) == 0 && bytes == 3e6);
	strcpy(data, "fifteen bytes..");
	CHECK(ferrule_file_write(fd, address_of(data), 16, 3e6 - 8) == 0);
	CHECK(ferrule_file_read(fd, address_of(found), 16, 3e6 - 8) == 16);
	CHECK(memcmp(data, found, 16) == 0);
	CHECK(ferrule_file_read(fd, address_of(found), 16, 3e6) == 8);
	CHECK(ferrule_file_read(fd, address_of(found), 0xffffffffu, 0) == -EINVAL);
	CHECK(ferrule_file_sync(fd) == 0);
	CHECK(ferrule_file_truncate(fd, 10) == 0);
	CHECK(ferrule_file_size(fd, &bytes) == 0 && bytes == 10);
	CHECK(ferrule_file_space(fd, &bytes) == 0 && bytes > 0);
	CHECK(ferrule_file_rename(path, other) == 0);
	CHECK(ferrule_file_rename(path, other) == -ENOENT);
	CHECK(ferrule_file_sync_directory(directory) == 0);
	CHECK(ferrule_file_sync_directory(path) == -ENOENT);
	CHECK(ferrule_file_close(fd) == 0);
	CHECK(ferrule_file_close(fd) == -EBADF);
	CHECK(ferrule_file_write(fd, address_of(data), 16, 0) == -EBADF);
	CHECK(ferrule_file_sync(fd) == -EBADF);
	CHECK(ferrule_file_unlink(other) == 0);
	CHECK(ferrule_file_unlink(other) == -ENOENT);
	CHECK(ferrule_file_make_directory(other) == 0);
	CHECK(ferrule_file_make_directory(other) == 0);
	lock = ferrule_file_open(other, FERRULE_FILE_DIRECTORY);
	second = ferrule_file_open(other, FERRULE_FILE_DIRECTORY);
	CHECK(ferrule_file_lock(lock) == 0);
	CHECK(ferrule_file_lock(second) == -EAGAIN);
	CHECK(ferrule_file_close(lock) == 0);
	CHECK(ferrule_file_lock(second) == 0);
	CHECK(ferrule_file_close(second) == 0);
	CHECK(rmdir(other) == 0);
}

static void test_full_disk(void)
{
	const char data[16] = "";
	int32_t fd = ferrule_file_open("/dev/full", FERRULE_FILE_WRITE);

	CHECK(fd >= 0);
	CHECK(ferrule_file_write(fd, address_of(data), 16, 0) == -ENOSPC);
	CHECK(ferrule_file_close(fd) == 0);
}

static void test_file_worker(const char *directory)
{
	int32_t workers[FERRULE_FILE_WORKERS_MAX];
	char path[256];
	int32_t fd, worker;
	double bytes;
	int i;

	snprintf(path, sizeof(path), "%s/prepared", directory);
	worker = ferrule_file_worker_start();
	CHECK(worker >= 0);
	CHECK(ferrule_file_worker_poll(worker) == 0);
	CHECK(ferrule_file_worker_prepare(worker, path, 1 << 20, 1) == 0);
	fd = wait_for(worker);
	CHECK(fd >= 0);
	CHECK(ferrule_file_size(fd, &bytes) == 0 && bytes == 1 << 20);
	for (i = 0; i < 20; i++) {
		CHECK(ferrule_file_worker_sync(worker, fd, -1) == 0);
		CHECK(wait_for(worker) == 0);
	}
	CHECK(ferrule_file_close(fd) == 0);
	CHECK(ferrule_file_worker_sync(worker, fd, -1) == 0);
	CHECK(wait_for(worker) == -EBADF);
	CHECK(ferrule_file_unlink(path) == 0);
	snprintf(path, sizeof(path), "%s/none/prepared", directory);
	CHECK(ferrule_file_worker_prepare(worker, path, 1 << 20, 0) == 0);
	CHECK(wait_for(worker) == -ENOENT);
	CHECK(ferrule_file_worker_stop(worker) == 0);
	CHECK(ferrule_file_worker_stop(worker) == -EBADF);
	CHECK(ferrule_file_worker_sync(worker, 0, -1) == -EBADF);
	CHECK(ferrule_file_worker_poll(-1) == -EBADF);
	for (i = 0; i < FERRULE_FILE_WORKERS_MAX; i++) {
		workers[i] = ferrule_file_worker_start();
		CHECK(workers[i] >= 0);
	}
	CHECK(ferrule_file_worker_start() == -EMFILE);
	for (i = 0; i < FERRULE_FILE_WORKERS_MAX; i++)
		CHECK(ferrule_file_worker_stop(workers[i]) == 0);
}

static void test_notify(const char *directory)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char found[32] = "";
	char too_long[200];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", directory);
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(ferrule_notify_send(address.sun_path, "READY=1") == 0);
	CHECK(recv(fd, found, sizeof(found), 0) == 7);
	CHECK(strcmp(found, "READY=1") == 0);
	close(fd);
	CHECK(ferrule_notify_send(address.sun_path, "READY=1") == -ECONNREFUSED);
	CHECK(unlink(address.sun_path) == 0);
	CHECK(ferrule_notify_send(address.sun_path, "READY=1") == -ENOENT);
	CHECK(ferrule_notify_send("@ferrule-nobody-listens", "READY=1") == -ECONNREFUSED);
	CHECK(ferrule_notify_send("", "READY=1") == -EINVAL);
	CHECK(ferrule_notify_send("relative", "READY=1") == -EINVAL);
	memset(too_long, '/', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	CHECK(ferrule_notify_send(too_long, "READY=1") == -EINVAL);
}

int main(void)
{
	char directory[] = "/tmp/ferrule-shims-XXXXXX";

	CHECK(mkdtemp(directory) != NULL);
	test_error();
	test_memory(0);
	test_memory(1);
	test_cpu();
	test_numa();
	test_host();
	test_clock();
	test_crc32c();
	test_journal_walk();
	test_journal_gather();
	test_event_digest();
	test_file(directory);
	test_full_disk();
	test_file_worker(directory);
	test_notify(directory);
	CHECK(rmdir(directory) == 0);
	puts("ok");
	return 0;
}
