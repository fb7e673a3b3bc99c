/**
 * Damaged streams for as long as `NESTWIRE_FUZZ_MS`, others each time; without it the same ones for 2 s, so that no change is
 * refused for another's luck: the decoder throws nothing but its own errors and judges as the naive twin does. A failure prints
 * a seed; `NESTWIRE_FUZZ_SEED` runs that one case again.
 */
import { expect, test } from 'vitest'
import { BodyError, decodeBody } from '../../src/protocol/body.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { allExamplePackets } from '../support/example-packets.js'
import { deliveries, receivePackets, type Received } from '../support/deliveries.js'
import { naiveDecodeFrames, naiveDecodePacket, NaiveFault } from '../support/naive-codec.js'

const askedMs = process.env['NESTWIRE_FUZZ_MS']
const budgetMs = Number(askedMs ?? 2000)
const firstSeed = askedMs === undefined ? 1 : Date.now() >>> 0
const onlySeed = process.env['NESTWIRE_FUZZ_SEED']
const MAX_FRAME_BYTES = 4096

const seeds = allExamplePackets.map(encodePacket)
const bodies = ['82a161930102c0a16281a16380', 'd7ff0000000000000001', 'c4020102', '93cb3ff8000000000000d1ff7fa3616263']
const interesting = [0x00, 0x01, 0x7f, 0x80, 0x81, 0xc0, 0xc1, 0xde, 0xff]

type Random = (below: number) => number

/** mulberry32: small, seedable, good enough to pick bytes. */
function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const pick = <Item>(items: readonly Item[], random: Random): Item => {
  const item = items[random(items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

function mutate(wire: Buffer, random: Random): Buffer {
  const at = random(wire.length + 1)
  switch (random(5)) {
    case 0:
      return wire.subarray(0, at)
    case 1:
      return Buffer.concat([wire.subarray(0, at), Buffer.of(random(256)), wire.subarray(at)])
    case 2:
      return Buffer.concat([wire.subarray(0, at), wire.subarray(at + 1 + random(4))])
    default: {
      const copy = Buffer.from(wire)
      if (copy.length > 0) copy[random(copy.length)] = random(2) === 0 ? random(256) : pick(interesting, random)
      return copy
    }
  }
}

function damaged(pieces: readonly Buffer[], random: Random): Buffer {
  let wire: Buffer = Buffer.concat(pieces)
  for (let left = random(4); left > 0; left -= 1) wire = mutate(wire, random)
  return wire
}

function naiveReceive(wire: Buffer): Received<unknown> {
  const items: unknown[] = []
  for (const frame of naiveDecodeFrames(wire, { maxFrameBytes: MAX_FRAME_BYTES, eof: true })) {
    try {
      if (frame instanceof NaiveFault) throw frame
      items.push(naiveDecodePacket(frame))
    } catch (error) {
      if (!(error instanceof NaiveFault)) throw error
      return { items, fault: error.close }
    }
  }
  return { items, fault: undefined }
}

function runStreamCase(random: Random): void {
  const wire = damaged([pick(seeds, random), pick(seeds, random)], random)
  const expected = naiveReceive(wire)
  for (const cut of Object.values(deliveries)) {
    expect(receivePackets(cut(wire), { maxFrameBytes: MAX_FRAME_BYTES, eof: true })).toEqual(expected)
  }
}

function runBodyCase(random: Random): void {
  const body = damaged([Buffer.from(pick(bodies, random), 'hex')], random)
  try {
    decodeBody(body)
  } catch (error) {
    if (!(error instanceof BodyError)) throw error
  }
}

function runCase(seed: number): void {
  const random = randomFrom(seed)
  try {
    runStreamCase(random)
    runBodyCase(random)
  } catch (error) {
    throw new Error(`fuzz case failed: run it again with NESTWIRE_FUZZ_SEED=${seed}`, { cause: error })
  }
}

test('damaged streams are judged as the naive twin judges them', { timeout: budgetMs + 20_000 }, () => {
  if (onlySeed !== undefined) return runCase(Number(onlySeed))
  const endAtMs = performance.now() + budgetMs
  let cases = 0
  for (let seed = firstSeed; performance.now() < endAtMs; seed = (seed + 1) >>> 0) {
    runCase(seed)
    cases += 1
  }
  expect(cases).toBeGreaterThan(0)
})
