/**
 * The calls of one connection that wait for an answer, by correlation. Whoever waits and does nothing else until the
 * answer comes keeps the connection reading.
 */
import type { Ack, AuthOk, End, ErrorPacket, Joined, Next, Pong, Reply } from '../protocol/packets.js'
import type { NestwireError } from './errors.js'
import type { ReadGate } from './read-gate.js'

export type Answer = Reply | Next | End | ErrorPacket | Joined | Ack | AuthOk | Pong

export interface PendingCall {
  /** Clock uptime after which nobody waits; `Infinity` = never. */
  readonly dueAtMs: number
  /** True while somebody does nothing else until the answer comes. */
  readonly isAwaited: boolean
  /** True if the call is over. */
  answer(packet: Answer): boolean
  fail(error: NestwireError): void
}

const MAX_CORRELATION = 0xffffffff

export class PendingCalls {
  private readonly calls = new Map<number, PendingCall>()
  private last = 0

  constructor(private readonly reading: ReadGate) {}

  /** Returns a correlation that no other call in flight has. */
  add(call: PendingCall): number {
    do this.last = this.last === MAX_CORRELATION ? 1 : this.last + 1
    while (this.calls.has(this.last))
    this.calls.set(this.last, call)
    if (call.isAwaited) this.reading.await()
    return this.last
  }

  /** Takes the call out; `undefined` if it is over already. */
  take(correlation: number): PendingCall | undefined {
    const call = this.calls.get(correlation)
    if (call === undefined) return undefined
    this.calls.delete(correlation)
    if (call.isAwaited) this.reading.settle()
    return call
  }

  /** Answers to calls that are over already are dropped. True: the call is over for who asked, but not for the server: cancel it. */
  answer(packet: Answer): boolean {
    const { correlation } = packet
    if (packet.kind === 'next') return this.calls.get(correlation)?.answer(packet) === true
    // The last answer takes the call out before it is heard: who hears it and lets go at once cancels nothing.
    this.take(correlation)?.answer(packet)
    return false
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

  failAll(error: NestwireError): void {
    const calls = [...this.calls.values()]
    this.calls.clear()
    for (const call of calls) call.fail(error)
  }
}
