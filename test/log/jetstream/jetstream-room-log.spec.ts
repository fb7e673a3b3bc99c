import { describe } from 'vitest'
import type { Appended, NewRecord } from '../../../src/log/room-log.js'
import { NO_SEQ, type RoomId, type Seq } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomLogContract, type ContractLog } from '../../contracts/room-log.contract.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes, type ClusterNode } from './cluster-nodes.js'

/** The records of others in the one sequence of all rooms. */
const elsewhere: NewRecord = { kind: RecordKind.Text, sender: userId('neighbour'), body: Buffer.from('noise') }

/** Returns the record of an append as engines of one process do: what was appended, with the `prev` that a reader finds. */
function asContractLog({ log }: ClusterNode): ContractLog {
  let before: Promise<unknown> = Promise.resolve()
  const one = { maxRecords: 1, maxBytes: 0 }
  const prevOf = async (room: RoomId, seq: Seq): Promise<Seq> => {
    if (log.fault() !== undefined) return NO_SEQ
    const previous = (await log.readBefore(room, seq, one))[0]?.seq ?? NO_SEQ
    const [record] = await log.readAfter(room, previous, one)
    return record?.seq === seq ? record.prev : previous
  }
  const append = (room: RoomId, record: NewRecord): Promise<Appended> => {
    void log.append(roomId('next door'), elsewhere, 'low').catch(() => undefined)
    const placed = log.append(room, record, 'normal')
    const appended = before
      .then(() => placed)
      .then(async ({ isRepeat, seq, timeMs }): Promise<Appended> => {
        if (isRepeat) return { isRepeat, seq, timeMs }
        const { kind, sender, body } = record
        return { kind, sender, body, seq, prev: await prevOf(room, seq), timeMs }
      })
    before = appended.catch(() => undefined)
    return appended
  }
  return {
    append,
    repeatOf: (room, sender, messageId) => {
      const repeat = log.repeatOf(room, sender, messageId)
      return repeat === undefined ? undefined : before.then(() => repeat)
    },
    readAfter: (room, after, limit) => log.readAfter(room, after, limit),
    readBefore: (room, seq, limit) => log.readBefore(room, seq, limit),
    head: (room) => log.head(room),
    trim: (room, upTo) => log.trim(room, upTo),
    deleteRoom: (room, epoch) => log.deleteRoom(room, epoch),
    fault: () => log.fault(),
    close: () => log.close(),
  }
}

describe.skipIf(isNatsMissing)('room log in a stream', () => {
  const nodes = clusterNodes()

  roomLogContract(
    'jetstream',
    async (env) => {
      const node = await nodes.open(env)
      return { log: asContractLog(node), clock: node.clock, tidy: () => node.log.sweep() }
    },
    { numbersEachRoom: false, forgetsIds: false },
  )
})
