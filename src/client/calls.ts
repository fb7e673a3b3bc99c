/** The sorts of calls: who is told what when an answer comes. */
import { BodyError, decodeBody } from '../protocol/body.js'
import { ClientError, ServerError, type NestwireError } from './errors.js'
import type { Answer, PendingCall } from './pending-calls.js'

export interface CallObserver {
  /** True: somebody waits for the answer, so the connection is read whatever else is slow. Default false. */
  readonly isAwaited?: boolean
  /** `bodyBytes`: what the value took on the wire. */
  next(value: unknown, bodyBytes: number): void
  error(error: NestwireError): void
  complete(): void
}

/** A call whose values go to an observer: one for a reply, any number for a stream. */
export class ObservedCall implements PendingCall {
  readonly isAwaited: boolean
  constructor(
    private readonly observer: CallObserver,
    readonly dueAtMs: number,
  ) {
    this.isAwaited = observer.isAwaited ?? false
  }

  answer(packet: Answer): boolean {
    if (packet.kind === 'next' || packet.kind === 'reply') return this.value(packet.body, packet.kind === 'reply')
    if (packet.kind === 'end') this.observer.complete()
    else this.observer.error(toError(packet))
    return true
  }

  fail(error: NestwireError): void {
    this.observer.error(error)
  }

  private value(body: Buffer, isLast: boolean): boolean {
    let value: unknown
    try {
      value = decodeBody(body)
    } catch (error) {
      this.observer.error(badBody(error))
      return true
    }
    this.observer.next(value, body.length)
    if (isLast) this.observer.complete()
    return isLast
  }
}

/** A call for one value; of a stream it is the last one. */
export class RequestCall implements PendingCall {
  readonly isAwaited = true
  private value: unknown
  constructor(
    private readonly resolve: (value: unknown) => void,
    private readonly reject: (error: NestwireError) => void,
    readonly dueAtMs: number,
  ) {}

  answer(packet: Answer): boolean {
    if (packet.kind === 'end') {
      this.resolve(this.value)
      return true
    }
    if (packet.kind !== 'reply' && packet.kind !== 'next') {
      this.reject(toError(packet))
      return true
    }
    try {
      this.value = decodeBody(packet.body)
    } catch (error) {
      this.reject(badBody(error))
      return true
    }
    if (packet.kind === 'next') return false
    this.resolve(this.value)
    return true
  }

  fail(error: NestwireError): void {
    this.reject(error)
  }
}

/** A compact packet whose answer is one packet of kind `wanted`. */
export class PacketCall<Kind extends 'joined' | 'ack' | 'authOk' | 'pong'> implements PendingCall {
  readonly isAwaited = true
  constructor(
    private readonly wanted: Kind,
    private readonly settle: {
      readonly resolve: (packet: Extract<Answer, { kind: Kind }>) => void
      readonly reject: (error: NestwireError) => void
    },
    readonly dueAtMs: number,
  ) {}

  answer(packet: Answer): boolean {
    if (isKind(packet, this.wanted)) this.settle.resolve(packet)
    else this.settle.reject(toError(packet))
    return true
  }

  fail(error: NestwireError): void {
    this.settle.reject(error)
  }
}

/** A PING: it waits for its PONG only so that nothing else takes its correlation. */
export const pingCall: PendingCall = { dueAtMs: Infinity, isAwaited: false, answer: () => true, fail: () => undefined }

const isKind = <Kind extends Answer['kind']>(packet: Answer, kind: Kind): packet is Extract<Answer, { kind: Kind }> =>
  packet.kind === kind

function toError(packet: Answer): NestwireError {
  if (packet.kind !== 'error') return new ClientError('UNEXPECTED_REPLY', `the server answered with ${packet.kind}`)
  let body: unknown
  try {
    body = decodeBody(packet.body)
  } catch (error) {
    return badBody(error)
  }
  return new ServerError(packet.code, packet.message, packet.retryAfterMs, body)
}

function badBody(error: unknown): NestwireError {
  if (!(error instanceof BodyError)) throw error
  return new ClientError('UNEXPECTED_REPLY', error.message, { cause: error })
}
