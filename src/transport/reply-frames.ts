/** How results and failures of handlers become frames. */
import { encodeBody } from '../protocol/body.js'
import { encodePacket } from '../protocol/encode-packet.js'
import { ErrorCode } from '../protocol/error-codes.js'
import { CodedFailure } from './nestwire.exception.js'

const EMPTY = Buffer.alloc(0)

export function errorFrame(correlation: number, code: ErrorCode, message: string, retryAfterMs = 0): Buffer {
  return encodePacket({ kind: 'error', correlation, code, retryAfterMs, message, body: EMPTY })
}

/** `kind` next: one value of a stream; reply: the only one. Throws for values that cannot be sent. */
export function valueFrame(kind: 'reply' | 'next', correlation: number, value: unknown, maxFrameBytes: number): Buffer {
  const body = encodeBody(value)
  if (body.length + 64 > maxFrameBytes) {
    throw new RangeError(`the answer has ${body.length} bytes, more than a frame of ${maxFrameBytes} holds`)
  }
  return encodePacket({ kind, correlation, body })
}

/**
 * What a handler threw, as its filters left it. A coded failure keeps its code; anything else travels as it is, like on
 * Nest's TCP transport, except that an `Error` shows its message where JSON would show `{}`.
 */
export function failureFrame(correlation: number, failure: unknown): Buffer {
  if (failure instanceof CodedFailure) {
    const { errorCode: code, message, retryAfterMs, details } = failure
    return encodePacket({ kind: 'error', correlation, code, retryAfterMs, message, body: encodeBody(details) })
  }
  const value = failure instanceof Error ? { status: 'error', message: failure.message } : failure
  try {
    const message = messageOf(value)
    return encodePacket({
      kind: 'error',
      correlation,
      code: ErrorCode.Application,
      retryAfterMs: 0,
      message,
      body: encodeBody(value),
    })
  } catch {
    return errorFrame(correlation, ErrorCode.Internal, 'the handler failed with something that cannot be sent')
  }
}

/** A line for logs; the whole error is in the body. */
function messageOf(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, 1024)
  if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') {
    return value.message.slice(0, 1024)
  }
  return ''
}
