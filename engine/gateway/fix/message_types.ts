// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Types of the messages that go out, as ASCII, and what their records share.
 *
 * @module
 */

export const TYPE_HEARTBEAT = 0x30;
export const TYPE_TEST_REQUEST = 0x31;
export const TYPE_RESEND_REQUEST = 0x32;
export const TYPE_REJECT = 0x33;
export const TYPE_SEQUENCE_RESET = 0x34;
export const TYPE_LOGOUT = 0x35;
export const TYPE_EXECUTION_REPORT = 0x38;
export const TYPE_CANCEL_REJECT = 0x39;
export const TYPE_LOGON = 0x41;
export const TYPE_BUSINESS_REJECT = 0x6a;
export const TYPE_MASS_CANCEL_REPORT = 0x72;

/** Bytes of RefMsgType at the start of a refusal's text. */
export const REF_TYPE_BYTES = 4;

// MassCancelRequestType (530).
export const MASS_SECURITY = 0x31;
export const MASS_ALL = 0x37;

/** What a mass cancel says of the kill switch: nothing. */
export const KILL_NONE = -1;

// What a refused request asked for, `detail` of REFUSED and of its answer.
export const REFUSED_NEW = 1;
export const REFUSED_CANCEL = 2;
export const REFUSED_REPLACE = 3;
export const REFUSED_STATUS = 4;
