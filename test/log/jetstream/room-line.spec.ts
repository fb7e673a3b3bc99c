import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DEADLINE_MS,
  MAX_SENT,
  RETRY_AFTER_MS,
  RETRY_PAUSE_MS,
  RoomLine,
  STALLED_AFTER_MS,
} from '../../../src/log/jetstream/room-line.js'

/** A line, what it sent, and how its appends ended. */
function startLine() {
  const sent: string[] = []
  const ends: string[] = []
  const line = new RoomLine(({ id }) => void sent.push(id))
  const add = (id: string, nowMs = 0): void =>
    line.add(
      {
        id,
        payload: Buffer.alloc(0),
        firstAtMs: nowMs,
        acknowledge: ({ seq, isDuplicate, wasSentAgain }) =>
          ends.push(`${id} ${seq}${isDuplicate ? ' duplicate' : ''}${wasSentAgain ? ' again' : ''}`),
        reject: ({ failure }) => ends.push(`${id} ${failure.code}`),
      },
      nowMs,
    )
  const takeSent = (): string => sent.splice(0).join(' ')
  return { line, add, takeSent, ends }
}

const passing = (nowMs: number) => ({ isFinal: false, nowMs })

describe('appends of a room on their way', () => {
  test('are sent at once, without waiting for each other', () => {
    const { add, takeSent } = startLine()
    for (const id of ['a', 'b', 'c']) add(id)
    expect(takeSent()).toBe('a b c')
  })

  test('resolve in call order', () => {
    const { line, add, ends } = startLine()
    for (const id of ['a', 'b']) add(id)
    line.acknowledged('a', 1, false, 1)
    line.acknowledged('b', 2, true, 1)
    expect(ends).toEqual(['a 1', 'b 2 duplicate'])
    expect(line.length).toBe(0)
  })

  test('after a refusal all without an acknowledgement go again, in order, before anything new', () => {
    const { line, add, takeSent, ends } = startLine()
    for (const id of ['a', 'b', 'c']) add(id)
    line.acknowledged('a', 1, false, 0)
    line.refused('b', 'no leader', passing(0))
    takeSent()
    add('d', 10)
    line.tick(RETRY_PAUSE_MS - 1)
    expect(takeSent()).toBe('')
    line.tick(RETRY_PAUSE_MS)
    expect(takeSent()).toBe('b c d')
    for (const [index, id] of ['b', 'c', 'd'].entries()) line.acknowledged(id, index + 2, false, 200)
    expect(ends).toEqual(['a 1', 'b 2 again', 'c 3 again', 'd 4'])
  })

  test('silence has the same effect, after a while', () => {
    const { line, add, takeSent } = startLine()
    for (const id of ['a', 'b']) add(id)
    takeSent()
    line.tick(RETRY_AFTER_MS - 1)
    expect(takeSent()).toBe('')
    line.tick(RETRY_AFTER_MS)
    expect(takeSent()).toBe('a b')
  })

  test('nothing new is sent while the oldest is late', () => {
    const { line, add, takeSent } = startLine()
    add('a')
    add('b', STALLED_AFTER_MS - 1)
    add('c', STALLED_AFTER_MS)
    expect(takeSent()).toBe('a b')
    line.acknowledged('a', 1, false, STALLED_AFTER_MS + 1)
    expect(takeSent()).toBe('c')
  })

  test('a later acknowledgement shows that those before it were lost', () => {
    const { line, add, takeSent, ends } = startLine()
    for (const id of ['a', 'b', 'c']) add(id)
    takeSent()
    line.acknowledged('c', 1, false, 5)
    expect(ends).toEqual([])
    line.tick(5)
    expect(takeSent()).toBe('a b')
    line.acknowledged('a', 2, false, 6)
    line.acknowledged('b', 3, false, 6)
    expect(ends).toEqual(['a 2 again', 'b 3 again', 'c 1'])
  })

  test('go again when the connection is another one', () => {
    const { line, add, takeSent } = startLine()
    for (const id of ['a', 'b']) add(id)
    takeSent()
    line.reconnected(7)
    expect(takeSent()).toBe('a b')
  })

  test('so many are on their way, and the rest waits', () => {
    const { line, add, takeSent } = startLine()
    for (let index = 0; index <= MAX_SENT; index += 1) add(`m${index}`)
    expect(takeSent().split(' ')).toHaveLength(MAX_SENT)
    line.acknowledged('m0', 1, false, 1)
    expect(takeSent()).toBe(`m${MAX_SENT}`)
  })

  test('without an outcome at the deadline it is left open', () => {
    const { line, add, ends } = startLine()
    add('a')
    line.tick(DEADLINE_MS - 1)
    expect(ends).toEqual([])
    line.tick(DEADLINE_MS)
    expect(ends).toEqual(['a COMMIT_FAILED'])
  })

  test('what was refused each time is not in the log', () => {
    const { line, add, ends } = startLine()
    add('a')
    for (let nowMs = 0; nowMs < DEADLINE_MS; nowMs += RETRY_PAUSE_MS) {
      line.refused('a', 'no leader', passing(nowMs))
      line.tick(nowMs)
    }
    line.refused('a', 'no leader', passing(DEADLINE_MS))
    line.tick(DEADLINE_MS)
    expect(ends).toEqual(['a LOG_UNAVAILABLE'])
  })

  test('what was never sent is not in the log', () => {
    const { line, add, ends } = startLine()
    add('a')
    add('b', STALLED_AFTER_MS)
    line.abandon('closed')
    expect(ends).toEqual(['a COMMIT_FAILED', 'b LOG_UNAVAILABLE'])
  })

  test('a final refusal ends one alone', () => {
    const { line, add, ends, takeSent } = startLine()
    for (const id of ['a', 'b']) add(id)
    line.refused('a', 'too large', { isFinal: true, nowMs: 0 })
    line.acknowledged('b', 1, false, 0)
    expect(ends).toEqual(['a LOG_UNAVAILABLE', 'b 1'])
    expect(takeSent()).toBe('a b')
  })

  test('an acknowledgement that comes twice settles once', () => {
    const { line, add, ends } = startLine()
    add('a')
    line.acknowledged('a', 1, false, 0)
    line.acknowledged('a', 1, true, 0)
    expect(ends).toEqual(['a 1'])
  })
})

/** A stream that loses what it was sent while it has no leader, and its acknowledgements at any time. */
class LossyStream {
  readonly records: string[] = []
  hasLeader = true
  private queue: string[] = []

  readonly take = (id: string): void => void this.queue.push(id)

  /** Stores and acknowledges what came, or refuses it. */
  work(line: RoomLine, nowMs: number, losesAcks: boolean): void {
    for (const id of this.queue.splice(0)) {
      if (!this.hasLeader) {
        if (!losesAcks) line.refused(id, 'no leader', passing(nowMs))
        continue
      }
      const isDuplicate = this.records.includes(id)
      if (!isDuplicate) this.records.push(id)
      if (!losesAcks) line.acknowledged(id, this.records.indexOf(id) + 1, isDuplicate, nowMs)
    }
  }
}

const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('work' as const), losesAcks: fc.boolean() }) },
  // The old leader is gone for longer than a client sends anything new without an answer.
  { weight: 1, arbitrary: fc.record({ do: fc.constant('election' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 900 }) }) },
)

describe('appends of a room through lost leaders and acknowledgements', () => {
  test('are stored once each, in call order', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const stream = new LossyStream()
        const called: string[] = []
        const acknowledged: number[] = []
        const line = new RoomLine(({ id }) => stream.take(id))
        let nowMs = 0
        const advance = (ms: number): void => {
          for (const end = nowMs + ms; nowMs < end; nowMs += 50) line.tick(nowMs)
        }
        for (const step of steps) {
          if (step.do === 'add') {
            for (let index = 0; index < step.count; index += 1) {
              const id = `m${called.length}`
              called.push(id)
              const acknowledge = ({ seq }: { seq: number }): void => void acknowledged.push(seq)
              // Nothing reaches its deadline here.
              line.add(
                {
                  id,
                  payload: Buffer.alloc(0),
                  firstAtMs: Infinity,
                  acknowledge,
                  reject: (fault) => {
                    throw fault
                  },
                },
                nowMs,
              )
            }
          } else if (step.do === 'work') stream.work(line, nowMs, step.losesAcks)
          else if (step.do === 'wait') advance(step.ms)
          else {
            stream.hasLeader = false
            stream.work(line, nowMs, true)
            advance(STALLED_AFTER_MS + 50)
            stream.work(line, nowMs, false)
            stream.hasLeader = true
          }
        }
        for (let round = 0; round < 50 && line.length > 0; round += 1) {
          advance(RETRY_AFTER_MS)
          stream.work(line, nowMs, false)
        }
        expect(stream.records).toEqual(called)
        expect(acknowledged).toEqual(called.map((_, index) => index + 1))
      }),
    )
  })
})
