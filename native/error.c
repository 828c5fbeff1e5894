/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ferrule.h"

static __thread char last_error[512];

int32_t ferrule_abi_version(void)
{
	return FERRULE_ABI_VERSION;
}

int32_t ferrule_last_error(char *buffer, int32_t buffer_bytes)
{
	size_t length = strlen(last_error);

	if (buffer_bytes <= 0)
		return 0;
	if (length >= (size_t)buffer_bytes)
		length = (size_t)buffer_bytes - 1;
	memcpy(buffer, last_error, length);
	buffer[length] = '\0';
	return (int32_t)length;
}

int32_t ferrule_fail(int err, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(last_error, sizeof(last_error), format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length < sizeof(last_error) - 2)
		snprintf(last_error + length, sizeof(last_error) - (size_t)length, ": %s", strerror(err));
	return -err;
}
