/** The calls of one connection that wait for an answer, by correlation. */
import { BodyError, decodeBody } from '../protocol/body.js'
import type { Ack, AuthOk, End, ErrorPacket, Joined, Next, Pong, Reply } from '../protocol/packets.js'
import { ClientError, ServerError, type NestwireError } from './errors.js'

export type Answer = Reply | Next | End | ErrorPacket | Joined | Ack | AuthOk | Pong

export interface PendingCall {
  /** Clock uptime after which nobody waits; `Infinity` = never. */
  readonly dueAtMs: number
  /** True while somebody does nothing else until the answer comes: reading must go on. */
  readonly isAwaited: boolean
  /** True if the call is over. */
  answer(packet: Answer): boolean
  fail(error: NestwireError): void
}

const MAX_CORRELATION = 0xffffffff

export class PendingCalls {
  private readonly calls = new Map<number, PendingCall>()
  private last = 0

  /** Takes a correlation that no other call in flight has. */
  add(call: PendingCall): number {
    do this.last = this.last === MAX_CORRELATION ? 1 : this.last + 1
    while (this.calls.has(this.last))
    this.calls.set(this.last, call)
    return this.last
  }

  get(correlation: number): PendingCall | undefined {
    return this.calls.get(correlation)
  }

  take(correlation: number): PendingCall | undefined {
    const call = this.calls.get(correlation)
    if (call !== undefined) this.calls.delete(correlation)
    return call
  }

  /** Those whose time is over at `nowMs`. */
  due(nowMs: number): [correlation: number, call: PendingCall][] {
    return [...this.calls].filter(([, call]) => call.dueAtMs <= nowMs)
  }

  get nextDueAtMs(): number {
    let earliest = Infinity
    for (const call of this.calls.values()) earliest = Math.min(earliest, call.dueAtMs)
    return earliest
  }

  takeAll(): PendingCall[] {
    const calls = [...this.calls.values()]
    this.calls.clear()
    return calls
  }
}

export interface CallObserver {
  /** `bodyBytes`: what the value took on the wire. */
  next(value: unknown, bodyBytes: number): void
  error(error: NestwireError): void
  complete(): void
}

/** A call whose values go to an observer: one for a reply, any number for a stream. */
export class ObservedCall implements PendingCall {
  readonly isAwaited = false
  constructor(
    private readonly observer: CallObserver,
    readonly dueAtMs: number,
  ) {}

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
export class PacketCall<Kind extends 'joined' | 'ack' | 'authOk'> implements PendingCall {
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
