/** How results and failures of handlers become frames. */
import { encodeBriefly } from '../protocol/body.js'
import { HEADER_BYTES } from '../protocol/constants.js'
import { encodePacket } from '../protocol/encode-packet.js'
import { ErrorCode } from '../protocol/error-codes.js'
import { CodedFailure } from './nestwire.exception.js'

const EMPTY = Buffer.alloc(0)
/** Of a failure's message; beyond it the text is somebody's payload. */
const MAX_MESSAGE_CHARACTERS = 1024

export function errorFrame(correlation: number, code: ErrorCode, reason: string, retryAfterMs = 0): Buffer {
  const message = reason.slice(0, MAX_MESSAGE_CHARACTERS)
  return encodePacket({ kind: 'error', correlation, code, retryAfterMs, message, body: EMPTY })
}

/** `kind` next: one value of a stream; reply: the only one. Throws for values that cannot be sent. */
export function valueFrame(kind: 'reply' | 'next', correlation: number, value: unknown, maxFrameBytes: number): Buffer {
  const body = encodeBriefly(value)
  if (body.length + 64 > maxFrameBytes) {
    throw new RangeError(`the answer has ${body.length} bytes, more than a frame of ${maxFrameBytes} holds`)
  }
  return encodePacket({ kind, correlation, body })
}

/**
 * What a handler threw, as its filters left it. A coded failure keeps its code; anything else travels as it is, like on
 * Nest's TCP transport, except that an `Error` shows its message where JSON would show `{}`. What does not fit a frame
 * or cannot be sent is left out. Never throws: it runs where an error would end the process, and payloads get into
 * messages and details.
 */
export function failureFrame(correlation: number, thrown: unknown, maxFrameBytes: number): Buffer {
  const attempts = [() => describe(thrown), () => ({ ...describe(thrown), details: undefined })]
  for (const attempt of attempts) {
    try {
      const { code, retryAfterMs, message, details } = attempt()
      const body = encodeBriefly(details)
      const frame = encodePacket({ kind: 'error', correlation, code, retryAfterMs, message, body })
      if (frame.length - HEADER_BYTES <= maxFrameBytes) return frame
    } catch {
      // the next one says less
    }
  }
  return errorFrame(correlation, ErrorCode.Internal, 'the handler failed with something that cannot be sent')
}

/** The code that `failureFrame` answers with, unless it does not fit a frame. */
export const errorCodeOf = (thrown: unknown): ErrorCode =>
  thrown instanceof CodedFailure ? thrown.errorCode : ErrorCode.Application

interface Failure {
  readonly code: ErrorCode
  readonly retryAfterMs: number
  /** A line for logs, at most `MAX_MESSAGE_CHARACTERS`; of an APPLICATION error the whole is in the details. */
  readonly message: string
  readonly details: unknown
}

function describe(failure: unknown): Failure {
  if (failure instanceof CodedFailure) {
    const { errorCode: code, retryAfterMs, message, details } = failure
    return { code, retryAfterMs, message: message.slice(0, MAX_MESSAGE_CHARACTERS), details }
  }
  const details = failure instanceof Error ? { status: 'error', message: failure.message } : failure
  return { code: ErrorCode.Application, retryAfterMs: 0, message: messageOf(details), details }
}

function messageOf(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, MAX_MESSAGE_CHARACTERS)
  if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') {
    return value.message.slice(0, MAX_MESSAGE_CHARACTERS)
  }
  return ''
}
