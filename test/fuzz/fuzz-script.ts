/** What one fuzz session does, from beginning to end: the same seed and the same material, the same script. Pure. */
import { HEADER_BYTES } from '../../src/protocol/constants.js'
import { Random } from '../torture/random.js'
import { FuzzPackets, type FuzzMaterial } from './fuzz-packets.js'

export type FuzzStep =
  | { readonly kind: 'send'; readonly bytes: Buffer }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'stopReading' | 'readOn' | 'finish' | 'reset' }

const MAX_PACKETS = 40
/** So many of the packets are not sent as they were made. */
const MUTATED = 0.05
const LENGTH_AT = 12

export function makeScript(seed: number, material: FuzzMaterial): readonly FuzzStep[] {
  const random = new Random(seed)
  const packets = new FuzzPackets(random, material)
  const steps: FuzzStep[] = packets.opening().map((bytes) => ({ kind: 'send', bytes: mutated(random, bytes, 0.03) }))
  // Most wait for the answers to the opening, so that what follows meets a session.
  if (random.chance(0.8)) steps.push({ kind: 'wait', ms: random.whole(5, 40) })
  for (let left = random.whole(0, MAX_PACKETS); left > 0; left -= 1) {
    steps.push({ kind: 'send', bytes: mutated(random, packets.next(), MUTATED) })
    if (random.chance(0.1)) steps.push({ kind: 'wait', ms: random.whole(1, 20) })
    if (random.chance(0.02)) steps.push({ kind: 'stopReading' }, { kind: 'wait', ms: 50 }, { kind: 'readOn' })
  }
  if (random.chance(0.1)) reorder(random, steps)
  steps.push({ kind: 'wait', ms: random.whole(0, 40) }, { kind: random.chance(0.5) ? 'finish' : 'reset' })
  return steps
}

function mutated(random: Random, bytes: Buffer, probability: number): Buffer {
  if (!random.chance(probability)) return bytes
  const copy = Buffer.from(bytes)
  const at = random.whole(0, copy.length - 1)
  switch (random.whole(0, 6)) {
    case 0: // one bit
      copy[at] = (copy[at] ?? 0) ^ (1 << random.whole(0, 7))
      return copy
    case 1: // one byte behind the header, which is where packets differ
      copy[Math.min(copy.length - 1, HEADER_BYTES + random.whole(0, 12))] = random.pick([
        0, 1, 0x7f, 0x80, 0xff,
      ] as const)
      return copy
    case 2: // cut short
      return copy.subarray(0, at)
    case 3: // a length that is not its own
      copy.writeUInt32BE(random.pick([0, 1, 5, 65_536, 65_537, 0xffff_ffff] as const), LENGTH_AT)
      return copy
    case 4: // repeated
      return Buffer.concat([copy, copy])
    case 5: // something in between
      return Buffer.concat([copy.subarray(0, at), random.bytes(random.whole(1, 20)), copy.subarray(at)])
    default: // the header kept, and its length; the rest at random
      return Buffer.concat([copy.subarray(0, HEADER_BYTES), random.bytes(copy.length - HEADER_BYTES)])
  }
}

function reorder(random: Random, steps: FuzzStep[]): void {
  for (let swaps = random.whole(1, 10); swaps > 0; swaps -= 1) {
    const [from, to] = [random.whole(0, steps.length - 1), random.whole(0, steps.length - 1)]
    const [first, second] = [steps[from], steps[to]]
    if (first === undefined || second === undefined) continue
    steps[from] = second
    steps[to] = first
  }
}
