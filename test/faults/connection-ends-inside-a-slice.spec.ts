/** A delivery ends the connection that it was for, or another one, while the slice is still going on. */
import { expect, test } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.js'
import type { OfferVerdict } from '../../src/transport/connection-handle.js'
import { RecordingConnection } from '../delivery/recording-connection.js'
import { lobby, startLobby } from '../delivery/router-stack.js'
import { expectChain } from '../support/room-chain.js'

/** Ends `victim` with the first frame that it is offered, as a session does when its connection closes. */
class FatalConnection extends RecordingConnection {
  victim: RecordingConnection = this
  override deliver(frame: Buffer): OfferVerdict {
    const verdict = super.deliver(frame)
    this.victim.close(CloseCode.SlowConsumer)
    return verdict
  }
}

/** Messages of which a frame takes two: a batch of five has three frames. */
const env = { NESTWIRE_MAX_FRAME_BYTES: '4096', NESTWIRE_MAX_MESSAGE_BYTES: '2048' }
const LARGE = Buffer.alloc(1_800)

async function withFatal(count: number) {
  const stack = await startLobby(50, env)
  const { router } = stack
  const from = await stack.log.head(lobby)
  const fatal = Array.from({ length: count }, () => new FatalConnection())
  const join = (connection: RecordingConnection): void => {
    router.attach(lobby, connection)
    connection.onClose = () => router.detach(lobby, connection)
  }
  for (const connection of fatal) join(connection)
  const victims = Array.from({ length: count }, () => new RecordingConnection())
  for (const connection of victims) join(connection)
  return { ...stack, from, fatal, victims }
}
type Stage = Awaited<ReturnType<typeof withFatal>>

/** Everybody who was there to the end heard everything, whoever ended did so in good order, nothing is left of them. */
async function expectUnharmed({ router, tick, say, members, from, fatal, victims }: Stage): Promise<void> {
  for (let n = 0; n < 5; n += 1) await say(LARGE)
  await tick.settle()
  await say('afterwards')
  await tick.settle()
  for (const member of members) expect(expectChain(member, from)).toBe(6)
  for (const ended of [...fatal, ...victims]) expectChain(ended, from)
  expect([router.heldBytes, router.laggingConnections, tick.waiting]).toEqual([0, 0, 0])
}

test('its own', async () => {
  const stage = await withFatal(20)
  await expectUnharmed(stage)
  for (const { frames, closeCode } of stage.fatal) expect([frames.length, closeCode]).toEqual([1, 2002])
})

test('that of one whose turn comes later, or is over', async () => {
  const stage = await withFatal(20)
  for (const [index, one] of stage.fatal.entries()) one.victim = stage.victims[index] ?? one
  await expectUnharmed(stage)
  for (const { closeCode } of stage.victims) expect(closeCode).toBe(2002)
  for (const one of stage.fatal) expect(expectChain(one, stage.from)).toBe(6)
})

test('while it reads on from the log', async () => {
  const stage = await withFatal(0)
  const { router, say, tick } = stage
  for (let n = 0; n < 4; n += 1) await say(LARGE)
  const late = Array.from({ length: 20 }, () => new FatalConnection())
  for (const connection of late) {
    router.attach(lobby, connection, stage.from.seq)
    connection.onClose = () => router.detach(lobby, connection)
  }
  await tick.settle()
  for (const connection of late) expect(expectChain(connection, stage.from)).toBe(2)
  await say('afterwards')
  await tick.settle()
  for (const member of stage.members) expect(expectChain(member, stage.from)).toBe(5)
  expect([router.heldBytes, router.laggingConnections, tick.waiting]).toEqual([0, 0, 0])
})
