/**
 * Packets of a fuzz session: most of them such as a client might send, so that they reach deep; some with every field at
 * random; some that only servers send. Chance comes from the session's seed alone.
 */
import * as fc from 'fast-check'
import { encodeBody } from '../../src/protocol/body.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { trustedEpoch, trustedSeq } from '../../src/protocol/ids.js'
import type { Packet } from '../../src/protocol/packets.js'
import { arbitraryPacket } from '../support/arbitrary-packets.js'
import { roomOf } from '../support/example-packets.js'
import type { Random } from '../torture/random.js'

/** What a stranger cannot make up. */
export interface FuzzMaterial {
  readonly tokens: readonly [string, ...string[]]
  readonly tickets: readonly [Buffer, ...Buffer[]]
}

const ROOMS = ['fuzz-1', 'fuzz-2', 'fuzz-3', 'fuzz/é'] as const
const USERS = ['fuzzer-0', 'fuzzer-1', 'fuzzer-2'] as const
const PATTERNS = [
  'auth.login',
  'auth.whoami',
  'auth.resume',
  'auth.revoke',
  'rooms.create',
  'rooms.join',
  'rooms.leave',
  'rooms.list',
  'rooms.info',
  'rooms.members',
  'rooms.kick',
  'rooms.ban',
  'rooms.unban',
  'rooms.signal',
  'chat.send',
  'chat.history',
  'cluster.nodes',
  'cluster.route',
  'nobody.knows',
] as const
/** Few, so that they meet. */
const CORRELATIONS = [1, 200] as const
/** Of every kind, also those that only servers send, with any fields there may be; made once: it takes 5 ms each. */
const ANY: readonly Packet[] = fc.sample(arbitraryPacket, { seed: 7, numRuns: 300 })

export class FuzzPackets {
  constructor(
    private readonly random: Random,
    private readonly material: FuzzMaterial,
  ) {}

  /** HELLO, and as often as not what lets a client in. */
  opening(): readonly Buffer[] {
    const { random } = this
    if (random.chance(0.05)) return []
    const features = random.chance(0.8) ? 7 : random.whole(0, 2 ** 32 - 1)
    const hello: Packet = { kind: 'hello', minVersion: 1, maxVersion: 1, features, agent: 'fuzz' }
    if (random.chance(0.15)) return [encodePacket(hello)]
    return [encodePacket(hello), encodePacket(random.chance(0.2) ? this.resume() : this.auth())]
  }

  next(): Buffer {
    const { random } = this
    const kind = random.whole(0, 99)
    if (kind < 30) return encodePacket(this.request())
    if (kind < 52) return encodePacket(this.publish())
    if (kind < 70) return encodePacket({ kind: 'join', correlation: this.correlation(), room: this.room() })
    if (kind < 74) return encodePacket(this.position())
    if (kind < 80) return encodePacket({ kind: 'ping', correlation: this.correlation() })
    if (kind < 84) return encodePacket({ kind: 'pong', correlation: this.correlation() })
    if (kind < 90) return encodePacket({ kind: 'cancel', correlation: this.correlation() })
    if (kind < 96) return encodePacket(this.auth())
    if (kind < 97) return encodePacket(this.resume())
    return encodePacket(ANY[random.whole(0, ANY.length - 1)] ?? this.auth())
  }

  private request(): Packet {
    const { random } = this
    const body = random.chance(0.1) ? random.bytes(random.whole(0, 60)) : encodeBody(this.payload())
    const deadlineMs = random.chance(0.3) ? random.whole(0, 200) : undefined
    const metadata = random.chance(0.2) ? { traceparent: 'x'.repeat(random.whole(0, 60)) } : undefined
    const pattern = random.pick(PATTERNS)
    const rest = { priority: random.pick([0, 1, 2] as const), metadata, pattern, body }
    if (random.chance(0.1)) return { kind: 'event', ...rest }
    return { kind: 'request', correlation: this.correlation(), deadlineMs, ...rest }
  }

  /** Fields that some pattern knows, some of them wrong. */
  private payload(): unknown {
    const { random } = this
    const fields: Record<string, unknown> = {}
    if (random.chance(0.8)) fields['room'] = random.pick(ROOMS)
    if (random.chance(0.3)) fields['user'] = random.pick(USERS)
    if (random.chance(0.2)) fields['text'] = 'y'.repeat(random.whole(0, 3_000))
    if (random.chance(0.2)) fields['limit'] = random.pick([-1, 0, 1, 100, 200, 201, 1.5, 2 ** 53] as const)
    if (random.chance(0.2)) fields['after'] = random.pick<unknown>(['', 'a', 0, 1, 2 ** 53 - 1, null])
    if (random.chance(0.1)) fields['name'] = 'typing'
    if (random.chance(0.1)) fields['data'] = { deep: [[[[]]]] }
    if (random.chance(0.1)) fields['token'] = random.pick(this.material.tokens)
    if (random.chance(0.05)) fields['__proto__x'] = 1
    return fields
  }

  private publish(): Packet {
    const { random } = this
    const room = this.room()
    const ageMs = random.chance(0.3) ? random.pick([0, 1_000, 119_999, 120_001, 2 ** 32 - 1] as const) : undefined
    return {
      kind: 'publish',
      correlation: this.correlation(),
      priority: random.pick([0, 1, 2] as const),
      ...(ageMs === undefined ? {} : { ageMs }),
      room,
      messageId: random.bytes(16),
      body: Buffer.alloc(random.pick([0, 1, 64, 1_000, 32_768, 32_769] as const), 'z'),
    }
  }

  private position(): Packet {
    const { random } = this
    const receivedBytes = random.chance(0.8) ? 0 : random.pick([1, 100, 2 ** 32, Number.MAX_SAFE_INTEGER] as const)
    const positions = [{ room: this.room(), seq: trustedSeq(random.whole(0, 1_000)) }]
    return { kind: 'position', receivedBytes, positions }
  }

  private auth(): Packet {
    const token = this.random.chance(0.85) ? this.random.pick(this.material.tokens) : 'not.a.token'
    return { kind: 'auth', correlation: this.correlation(), redirects: this.random.whole(0, 3), token }
  }

  private resume(): Packet {
    const { random } = this
    const ticket = random.pick(this.material.tickets)
    const positions = ROOMS.slice(0, random.whole(0, ROOMS.length)).map((room) => ({
      room: roomOf(room),
      epoch: trustedEpoch(random.whole(0, 2 ** 32)),
      seq: trustedSeq(random.whole(0, 1_000)),
    }))
    return { kind: 'resume', correlation: this.correlation(), redirects: 0, ticket, positions }
  }

  private room() {
    return roomOf(this.random.pick(ROOMS))
  }

  private correlation(): number {
    return this.random.whole(...CORRELATIONS)
  }
}
