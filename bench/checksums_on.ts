// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Has the kernel compute the checksums of what it sends on an interface, as a
 * card would: `checksums_on.ts INTERFACE`, in the interface's namespace.
 *
 * @module
 */
import { disableChecksumOffload } from "../tests/transport/netns.ts";

disableChecksumOffload(Deno.args[0]!);
