/** What attackers were told: by kind of packet, and codes by their names. */
import { closeCodeName } from '../../src/protocol/close-codes.js'
import { errorCodeName } from '../../src/protocol/error-codes.js'
import type { Packet } from '../../src/protocol/packets.js'

export class Tally {
  readonly packets = new Map<Packet['kind'], number>()
  readonly errors = new Map<string, number>()
  readonly closes = new Map<string, number>()
  /** Connections that ended without CLOSE. */
  cut = 0
  /** What the server sent and no client can read. */
  readonly misread: string[] = []

  add(packet: Packet): void {
    increase(this.packets, packet.kind)
    if (packet.kind === 'error') increase(this.errors, errorCodeName(packet.code))
    if (packet.kind === 'close') increase(this.closes, closeCodeName(packet.code))
  }

  addAll(other: Tally): void {
    for (const key of ['packets', 'errors', 'closes'] as const) {
      const counts: Map<string, number> = this[key]
      for (const [name, count] of other[key]) counts.set(name, (counts.get(name) ?? 0) + count)
    }
    this.cut += other.cut
    this.misread.push(...other.misread)
  }

  count(kind: Packet['kind']): number {
    return this.packets.get(kind) ?? 0
  }

  closedWith(name: string): number {
    return this.closes.get(name) ?? 0
  }

  refusedWith(name: string): number {
    return this.errors.get(name) ?? 0
  }

  describe(): string {
    const parts = [...this.closes, ...this.errors, ...(this.cut > 0 ? [['cut', this.cut] as const] : [])]
    return parts.map(([name, count]) => `${name} ${count}`).join(', ') || 'no code'
  }
}

const increase = <Key>(counts: Map<Key, number>, key: Key): void => void counts.set(key, (counts.get(key) ?? 0) + 1)
