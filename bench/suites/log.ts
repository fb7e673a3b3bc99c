/**
 * What a message costs to keep: the log on disk beside the one in memory, in this process, 64-byte bodies with ids, one
 * room; and what two people in a room see of it on a whole server, from sending to the acknowledgement and to the other's
 * receipt. The two are in a process of their own that runs before others if it may (`load/before-others.ts`; the params
 * say whether): what is waited for a processor is not told as the disk's time.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { LmdbRoomLog } from '../../src/log/lmdb/lmdb-room-log.js'
import { MemoryRoomLog } from '../../src/log/memory-room-log.js'
import type { RoomLogEngine } from '../../src/log/room-log.js'
import { parseRoomId, parseUserId } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { measurePairs } from '../pair-contest.js'
import { interleave } from '../rounds.js'
import { percentile, ratiosOf, Samples, spread } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'

const IN_FLIGHT = [1, 64, 1_000]
const MESSAGES_PER_SECOND = [100, 1_000, 10_000]
const FULL = { rounds: 7, roundMs: 2_000 }
const QUICK = { rounds: 3, roundMs: 500 }
const BODY = Buffer.alloc(64, 'x')

const FIGURES = ['appendsPerSecond', 'commitMsP50', 'commitMsP99'] as const
const PAIR_FIGURES = ['sendAckMsP50', 'sendAckMsP99', 'sendDeliverMsP50', 'sendDeliverMsP99'] as const
type Figures = Readonly<Record<(typeof FIGURES)[number], number>>

interface Contestant {
  readonly name: string
  readonly open: (folder: string) => Promise<RoomLogEngine>
}

const contestants: readonly Contestant[] = [
  {
    name: OURS,
    open: (folder) => LmdbRoomLog.open({ folder, settings: new Settings(loadSettings({})), clock: systemClock }),
  },
  { name: 'memory', open: async () => new MemoryRoomLog(new Settings(loadSettings({})), systemClock) },
]

export const log: Suite = {
  question: 'appends/s and time to commit at 1, 64 and 1,000 in flight; send to ACK and to receipt; disk beside memory',
  async run({ isQuick, progress }) {
    const { rounds, roundMs } = isQuick ? QUICK : FULL
    const rows: Row[] = []
    for (const inFlight of IN_FLIGHT) {
      progress(`${inFlight} in flight`)
      const measured = await interleave(contestants, rounds, (each) => playRound(each, inFlight, roundMs))
      for (const { contestant, results } of measured) {
        rows.push({ name: contestant.name, inFlight, ...spread(results) })
      }
    }
    progress('two people talk')
    const { rows: pairRows, runsBeforeOthers } = await measurePairs({
      messagesPerSecond: MESSAGES_PER_SECOND,
      rounds,
      roundMs,
    })
    const ratios = {
      ...ratiosOf(rows, FIGURES, 'inFlight'),
      ...ratiosOf(pairRows, PAIR_FIGURES, 'messagesPerSecond'),
    }
    const params = {
      rounds,
      roundMs,
      inFlight: IN_FLIGHT,
      messagesPerSecond: MESSAGES_PER_SECOND,
      bodyBytes: BODY.length,
      runsBeforeOthers,
    }
    return { params, rows: [...rows, ...pairRows], ratios, failures: [] }
  },
}

let messages = 0
/** Each another one, as each client's are. */
function nextMessageId(): Buffer {
  const messageId = Buffer.allocUnsafe(16)
  messages += 1
  messageId.writeDoubleLE(messages, 0)
  messageId.writeDoubleLE(messages, 8)
  return messageId
}

async function playRound({ open }: Contestant, inFlight: number, roundMs: number): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'nestwire-bench-'))
  const log = await open(folder)
  try {
    return await appendFor(log, inFlight, roundMs)
  } finally {
    await log.close()
    await rm(folder, { recursive: true })
  }
}

async function appendFor(log: RoomLogEngine, inFlight: number, roundMs: number): Promise<Figures> {
  const [room, sender] = [parseRoomId('lobby'), parseUserId('alice')]
  if (room === undefined || sender === undefined) throw new Error('these are names')
  const samples = new Samples()
  const start = performance.now()
  const end = start + roundMs
  const oneByOne = async (): Promise<void> => {
    for (let sentMs = performance.now(); sentMs < end; sentMs = performance.now()) {
      await log.append(room, { kind: RecordKind.Text, sender, body: BODY, id: { messageId: nextMessageId() } })
      samples.add(performance.now() - sentMs)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, oneByOne))
  return {
    appendsPerSecond: (samples.length * 1000) / (performance.now() - start),
    commitMsP50: percentile(samples.all, 0.5),
    commitMsP99: percentile(samples.all, 0.99),
  }
}
