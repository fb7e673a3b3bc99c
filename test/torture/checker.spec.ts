/** Journals of a run that went well, and one forgery for each thing that may go wrong. */
import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { Checker } from './checker.js'
import type { Journal, JournalEvent } from './journal.js'
import { violationKinds, type ViolationKind } from './violation.js'

const ROOM = 'lobby'
const EPOCH = 7
const HISTORY_MAX_RECORDS = 2

type EventOf<Kind extends JournalEvent['kind']> = Omit<Extract<JournalEvent, { kind: Kind }>, 'kind'>
interface Run {
  readonly alice: JournalEvent[]
  readonly bob: JournalEvent[]
  head: number
}

/** Message `number` of Alice stands at seq `number + 2`, behind both joins. */
const seqOf = (number: number): number => number + 2
const content = (number: number): string => `text ${number}`

const sent = (number: number): JournalEvent => ({
  kind: 'sent',
  room: ROOM,
  message: `m${number}`,
  number,
  content: content(number),
})
const acked = (number: number, over: Partial<EventOf<'acked'>> = {}): JournalEvent => ({
  kind: 'acked',
  message: `m${number}`,
  seq: seqOf(number),
  isRecognised: false,
  ...over,
})
const record = (number: number, over: Partial<EventOf<'delivered'>> = {}): EventOf<'delivered'> => ({
  room: ROOM,
  epoch: EPOCH,
  seq: seqOf(number),
  prev: seqOf(number) - 1,
  timeMs: 1_000 + number,
  content: content(number),
  message: `m${number}`,
  ...over,
})
const delivered = (number: number, over: Partial<EventOf<'delivered'>> = {}): JournalEvent => ({
  kind: 'delivered',
  ...record(number, over),
})
const joined: JournalEvent = { kind: 'joined', room: ROOM, epoch: EPOCH, seq: 2 }
const connected: JournalEvent = { kind: 'connected' }
const gap = (over: Partial<EventOf<'gap'>> = {}): JournalEvent => ({
  kind: 'gap',
  room: ROOM,
  epoch: EPOCH,
  from: seqOf(1),
  to: seqOf(2),
  reason: 'trimmed',
  atMs: 2_000,
  ...over,
})
const closed = (code: CloseCode, dozes = false): JournalEvent => ({ kind: 'closed', code, dozes })
const redirected = (inARow: number): JournalEvent => ({ kind: 'redirected', code: 3_000, inARow })
const resumed = (over: Partial<EventOf<'resumed'>> = {}): JournalEvent => ({
  kind: 'resumed',
  room: ROOM,
  epoch: EPOCH,
  from: seqOf(1),
  to: seqOf(4),
  outcome: 'whole',
  ...over,
})

const NUMBERS = [1, 2, 3, 4]
/** Four messages; Bob was cut off after the first, and Alice sent the last one twice. */
const goodRun = (): Run => ({
  alice: [
    connected,
    joined,
    ...NUMBERS.flatMap((number) => [sent(number), delivered(number)]),
    ...[1, 2, 3].map((number) => acked(number)),
    { kind: 'resent', message: 'm4' },
    acked(4, { isRecognised: true }),
    { kind: 'read', ...record(4) },
  ],
  bob: [connected, joined, delivered(1), connected, resumed(), ...[2, 3, 4].map((number) => delivered(number))],
  head: seqOf(4),
})

function judge({ alice, bob, head }: Run): ViolationKind[] {
  const checker = new Checker({ historyMaxRecords: HISTORY_MAX_RECORDS })
  checker.accept(new Map<string, Journal>(Object.entries({ bob, alice })))
  checker.review()
  checker.finish({ heads: new Map([[ROOM, head]]), readers: ['alice', 'bob'] })
  return checker.violations.map(({ kind }) => kind)
}

const isDelivery =
  (number: number) =>
  (event: JournalEvent): boolean =>
    event.kind === 'delivered' && event.message === `m${number}`
const isAck =
  (number: number) =>
  (event: JournalEvent): boolean =>
    event.kind === 'acked' && event.message === `m${number}`
const isResumed = ({ kind }: JournalEvent): boolean => kind === 'resumed'

function replace(events: JournalEvent[], isWanted: (event: JournalEvent) => boolean, ...by: JournalEvent[]): void {
  const index = events.findIndex(isWanted)
  expect(index).toBeGreaterThanOrEqual(0)
  events.splice(index, 1, ...by)
}

const forgeries: Readonly<Record<ViolationKind, Readonly<Record<string, (run: Run) => void>>>> = {
  lost: {
    'an acknowledged message that the chain passes over': ({ alice, bob }) => {
      for (const events of [alice, bob]) {
        replace(events, isDelivery(2))
        replace(events, isDelivery(3), delivered(3, { prev: seqOf(1) }))
      }
    },
    'an acknowledged message at the end that nobody got': (run) => {
      for (const events of [run.alice, run.bob]) replace(events, isDelivery(4))
      run.alice.splice(
        run.alice.findIndex(({ kind }) => kind === 'read'),
        1,
      )
      run.head = seqOf(3)
    },
  },
  misplaced: {
    'a message acknowledged before the place where it stands': ({ alice }) => {
      replace(alice, isAck(2), acked(2, { seq: seqOf(9) }))
    },
    'a repeat acknowledged at another seq than the first': ({ alice }) => void alice.push(acked(4, { seq: 99 })),
  },
  seqReused: {
    'two readers with two contents at one seq': ({ bob }) =>
      replace(bob, isDelivery(2), delivered(2, { content: content(3), message: 'm3' })),
    'two messages acknowledged at one seq': ({ alice }) => replace(alice, isAck(2), acked(2, { seq: seqOf(1) })),
  },
  loggedTwice: {
    'a repeat that was stored again': (run) => {
      for (const events of [run.alice, run.bob]) events.push(delivered(5, { content: content(4), message: 'm4' }))
      run.head = seqOf(5)
    },
  },
  orderDiffers: {
    'two readers with two records before one': ({ bob }) => {
      replace(bob, isDelivery(2), delivered(2, { seq: 99, prev: seqOf(1), message: 'm2' }))
      replace(bob, isDelivery(3), delivered(3, { prev: 99 }))
    },
    'a record that follows one that the reader is past': ({ bob }) =>
      replace(bob, isDelivery(3), delivered(3, { prev: seqOf(1) })),
  },
  shownTwice: {
    'a record that comes again after a resume': ({ bob }) => replace(bob, isDelivery(2), delivered(1), delivered(2)),
  },
  silentHole: {
    'a record left out of a replay': ({ bob }) => replace(bob, isDelivery(2)),
    'a replay that begins too late': ({ bob }) => {
      replace(bob, isDelivery(2))
      replace(bob, isDelivery(3))
    },
  },
  falseGap: {
    'trimmed, with too few newer records': ({ bob }) => {
      replace(bob, isDelivery(2))
      replace(bob, isDelivery(3), gap({ to: seqOf(3) }))
    },
    'trimmed, before there were newer records': ({ bob }) => replace(bob, isDelivery(2), gap({ atMs: 1_003 })),
    'not from where the reader stood': ({ bob }) => replace(bob, isDelivery(2), gap({ from: seqOf(0) })),
    'ahead of a log that holds all': ({ bob }) => replace(bob, isDelivery(2), gap({ reason: 'aheadOfLog' })),
    'of an epoch that did not change': ({ bob }) => replace(bob, isDelivery(2), gap({ reason: 'epochChanged' })),
  },
  dishonestResume: {
    'a gap was promised and none came': ({ bob }) => replace(bob, isResumed, resumed({ outcome: 'gap' })),
    "an end before the client's own acknowledged message": ({ alice }) => {
      replace(alice, isDelivery(4))
      alice.push(connected, resumed({ from: seqOf(3), to: seqOf(3) }), delivered(4))
    },
    'an end where there is no record': ({ bob }) => replace(bob, isResumed, resumed({ to: seqOf(9) })),
    'whole, and then a gap though nothing new came': ({ bob }) => replace(bob, isDelivery(2), gap()),
    'a replay from elsewhere': ({ bob }) => replace(bob, isResumed, resumed({ from: seqOf(2) })),
  },
  wrongClose: {
    'the session taken over by nobody': ({ bob }) => void bob.push(closed(CloseCode.TakenOver, true)),
    'a field that was good': ({ alice }) => void alice.push(closed(CloseCode.BadField)),
    'a failure of the server': ({ alice }) => void alice.push(closed(CloseCode.InternalError)),
    'too slow, though it always reads': ({ bob }) => void bob.push(closed(CloseCode.SlowConsumer)),
  },
  sentRound: {
    'a client that three servers in a row sent elsewhere': ({ bob }) => void bob.push(redirected(3)),
  },
  membershipLost: {
    'a member that is none after the restart': ({ bob }) => replace(bob, isResumed, resumed({ outcome: 'notAMember' })),
    'a room of which RESUMED says nothing': ({ bob }) => replace(bob, isResumed, resumed({ outcome: 'leftOut' })),
  },
  ticketRefused: {
    'a ticket that the server gave': ({ bob }) => void bob.push({ kind: 'ticketRefused', code: 26 }),
  },
  epochChanged: {
    'a room begun anew by a restart': ({ bob }) => void bob.push(delivered(5, { epoch: EPOCH + 1 })),
  },
  foreign: {
    'a text that nobody sent': (run) => {
      for (const events of [run.alice, run.bob]) events.push(delivered(5))
      run.head = seqOf(5)
    },
    'a text with another body': ({ alice, bob }) => {
      for (const events of [alice, bob]) replace(events, isDelivery(2), delivered(2, { content: 'garbled' }))
    },
    'an acknowledgement to somebody else': ({ bob }) => void bob.push(acked(1)),
  },
  refusedButLogged: {
    'a message that was refused': ({ alice }) => replace(alice, isAck(2), { kind: 'refused', message: 'm2', code: 23 }),
  },
  senderOrder: {
    'a later message before an earlier one': (run) => {
      for (const number of [5, 6]) run.alice.unshift(sent(number))
      run.alice.push(acked(5, { seq: seqOf(6) }), acked(6, { seq: seqOf(5) }))
      const [sixth, fifth] = [
        delivered(5, { message: 'm6', content: content(6) }),
        delivered(6, { message: 'm5', content: content(5) }),
      ]
      for (const events of [run.alice, run.bob]) events.push(sixth, fifth)
      run.head = seqOf(6)
    },
  },
  behind: {
    'a reader that did not come to the end': ({ bob }) => replace(bob, isDelivery(4)),
    'a reader that never came': ({ bob }) => void bob.splice(0),
  },
  logDiffers: {
    'a log that holds another record': ({ alice }) => void alice.push({ kind: 'read', ...record(3, { content: 'x' }) }),
    'a record that nobody was given': ({ alice }) => void alice.push({ kind: 'read', ...record(5) }),
  },
  unanswered: {
    'a message without an answer': ({ alice }) => replace(alice, isAck(2)),
  },
  misbehaved: {
    'bytes that are no packet': ({ bob }) => void bob.push({ kind: 'misbehaved', details: 'no packet' }),
  },
}

describe('a run that went well', () => {
  test('has no violations', () => {
    expect(judge(goodRun())).toEqual([])
  })

  test('may tell a true gap', () => {
    const run = goodRun()
    replace(run.bob, isDelivery(2), gap())
    replace(run.bob, isResumed, resumed({ outcome: 'gap' }))
    expect(judge(run)).toEqual([])
  })

  test('may leave a message in doubt, logged or not', () => {
    const run = goodRun()
    replace(run.alice, isAck(2), { kind: 'doubted', message: 'm2', code: 25 })
    run.alice.push(sent(5), { kind: 'doubted', message: 'm5', code: 25 })
    expect(judge(run)).toEqual([])
  })

  test('may forget after RESUMED what the log held then', () => {
    const run = goodRun()
    replace(run.bob, isResumed, resumed({ to: seqOf(2) }))
    replace(run.bob, isDelivery(2), gap())
    expect(judge(run)).toEqual([])
  })

  test('may close who is sent away, and who is too slow', () => {
    const run = goodRun()
    run.alice.push(closed(CloseCode.ShuttingDown), connected, closed(CloseCode.TooManyLogins))
    run.bob.push(closed(CloseCode.SlowConsumer, true))
    expect(judge(run)).toEqual([])
  })

  test('may send a client elsewhere twice', () => {
    const run = goodRun()
    run.bob.unshift(connected, redirected(1), connected, redirected(2))
    expect(judge(run)).toEqual([])
  })

  test('may leave rooms out of RESUMED while the log is away from the server', () => {
    const checker = new Checker({ historyMaxRecords: HISTORY_MAX_RECORDS, isLogElsewhere: true })
    checker.accept(new Map([['bob', [connected, joined, resumed({ outcome: 'leftOut' })]]]))
    expect(checker.violations).toEqual([])
  })

  test('may deliver before it says JOINED', () => {
    const run = goodRun()
    run.bob.splice(1, 2, delivered(1), joined)
    expect(judge(run)).toEqual([])
  })

  test('is judged alike in pieces', () => {
    const { alice, bob, head } = goodRun()
    const checker = new Checker({ historyMaxRecords: HISTORY_MAX_RECORDS })
    for (const [user, events] of Object.entries({ alice, bob })) {
      for (const event of events) {
        checker.accept(new Map([[user, [event]]]))
        checker.review()
      }
    }
    checker.finish({ heads: new Map([[ROOM, head]]), readers: ['alice', 'bob'] })
    expect(checker.violations).toEqual([])
  })
})

describe.each(Object.keys(violationKinds) as ViolationKind[])('%s', (kind) => {
  test.each(Object.entries(forgeries[kind]))('is found: %s', (_, forge) => {
    const run = goodRun()
    forge(run)
    expect(judge(run)).toContain(kind)
  })
})
