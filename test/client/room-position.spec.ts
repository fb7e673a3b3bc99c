import { describe, expect, test } from 'vitest'
import { trustedEpoch, trustedSeq } from '../../src/protocol/ids.js'
import { place, standing, unbroken } from '../../src/client/room-position.js'
import { EPOCH, texts } from './scripted-server.js'

const at = (seq: number) => ({ epoch: EPOCH, seq: trustedSeq(seq) })
const batch = (seqs: readonly number[], firstPrev?: number) => ({ epoch: EPOCH, records: texts(seqs, firstPrev) })
const seqsOf = (records: readonly { seq: number }[]) => records.map(({ seq }) => seq)

describe('unbroken', () => {
  test('cuts records where one does not follow the one before it', () => {
    const runs = unbroken([...texts([5, 7]), ...texts([9]), ...texts([10], 8)])
    expect(runs.map(seqsOf)).toEqual([[5, 7], [9], [10]])
    expect(unbroken([])).toEqual([])
  })
})

describe('place', () => {
  test('takes a batch whose first prev is the position', () => {
    expect(place(at(4), batch([5, 6]))).toEqual({ kind: 'next', records: texts([5, 6]) })
  })

  test('follows prev over seqs that were never given', () => {
    expect(place(at(4), batch([9, 12], 4))).toMatchObject({ kind: 'next' })
  })

  test('cuts an overlap at the position', () => {
    const placement = place(at(5), batch([4, 5, 6, 7]))
    expect(placement.kind === 'next' && seqsOf(placement.records)).toEqual([6, 7])
  })

  test('has seen a batch that ends at the position', () => {
    expect(place(at(5), batch([4, 5]))).toEqual({ kind: 'seen' })
  })

  test('has seen an empty batch', () => {
    expect(place(at(5), batch([]))).toEqual({ kind: 'seen' })
  })

  test('names a hole of a single record', () => {
    expect(place(at(4), batch([6, 7]))).toEqual({ kind: 'hole', prev: 5, upTo: 7 })
  })

  test('tells another epoch, whatever the seqs', () => {
    expect(place({ epoch: trustedEpoch(8), seq: trustedSeq(4) }, batch([5]))).toEqual({ kind: 'otherEpoch' })
  })
})

describe('standing', () => {
  test('compares a position with the head', () => {
    expect([3, 4, 5].map((seq) => standing(at(seq), at(4)))).toEqual(['behind', 'level', 'ahead'])
    expect(standing(at(4), { epoch: trustedEpoch(8), seq: trustedSeq(4) })).toBe('otherEpoch')
  })
})
