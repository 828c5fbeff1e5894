// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A transport that never has a client: for a gateway that only follows.
 *
 * Nothing completes, whatever is asked for a connection is answered as for one
 * that is gone, and what would be sent goes nowhere. Any thread; it holds only
 * the small memory over which encoders are made.
 *
 * @module
 */
import { GONE, type Transport } from "./transport.ts";

const BYTES = 4096;

/** Nobody is there. */
export class NullTransport implements Transport {
  readonly name = "null";
  readonly bytes = new Uint8Array(BYTES);
  readonly completions = new Int32Array(0);
  readonly receiveWindowBytes = 0;
  readonly sendWindowBytes = 0;
  readonly refusedConnections = 0;
  #listeners = 0;

  listenStream(): number {
    return this.#listeners++;
  }

  listenDatagram(): number {
    return this.#listeners++;
  }

  port(): number {
    return 0;
  }

  multicastFrom(): void {}

  joinGroup(): void {}

  leaveGroup(): void {}

  closeListener(): void {}

  poll(): number {
    return 0;
  }

  consume(): void {}

  reserve(): number {
    return GONE;
  }

  commit(): void {}

  pending(): number {
    return 0;
  }

  close(): void {}

  reserveDatagram(): number {
    return GONE;
  }

  commitDatagram(): void {}

  dispose(): void {}
}
