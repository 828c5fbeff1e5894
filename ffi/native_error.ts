// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Operating failures of the shims, as an operator needs them.
 *
 * @module
 */

/** Names of the errno values that the shims meet (Linux, x86-64). */
export const ERRNO_NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  9: "EBADF",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  14: "EFAULT",
  16: "EBUSY",
  17: "EEXIST",
  19: "ENODEV",
  20: "ENOTDIR",
  22: "EINVAL",
  24: "EMFILE",
  27: "EFBIG",
  28: "ENOSPC",
  30: "EROFS",
  32: "EPIPE",
  38: "ENOSYS",
  75: "EOVERFLOW",
  90: "EMSGSIZE",
  95: "EOPNOTSUPP",
  97: "EAFNOSUPPORT",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  100: "ENETDOWN",
  101: "ENETUNREACH",
  104: "ECONNRESET",
  105: "ENOBUFS",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  113: "EHOSTUNREACH",
  114: "EALREADY",
  115: "EINPROGRESS",
  131: "ENOTRECOVERABLE",
};

/** A shim's call failed: what, why, and what to do about it. */
export class NativeError extends Error {
  override name = "NativeError";
  /** What was tried, with its values: "map 64 MiB of huge pages". */
  readonly operation: string;
  /** Positive errno. */
  readonly code: number;
  /** The shim's own text. */
  readonly detail: string;

  /**
   * @param operation What was tried.
   * @param code errno, of either sign.
   * @param detail The shim's text of the last error on this thread.
   * @param remedy Likely cause and what to do, as a sentence or two.
   */
  constructor(
    operation: string,
    code: number,
    detail: string,
    remedy?: string,
    options?: ErrorOptions,
  ) {
    const errno = Math.abs(code);
    const name = ERRNO_NAMES[errno] ?? `errno ${errno}`;
    super(
      `Failed to ${operation}: ${name}${detail === "" ? "" : ` (${detail})`}` +
        (remedy === undefined ? "" : `. ${remedy}`),
      options,
    );
    this.operation = operation;
    this.code = errno;
    this.detail = detail;
  }
}
