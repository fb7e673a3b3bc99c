/** A client comes back to a node that has not heard of all that the client has. */
import { expect, test, vi } from 'vitest'
import { RoomDelivery } from '../../src/delivery/room-delivery.js'
import { Feature } from '../../src/protocol/constants.js'
import { NO_SEQ } from '../../src/protocol/ids.js'
import { ResumeOutcome } from '../../src/protocol/packets.js'
import { startChat } from '../support/chat-harness.js'
import { ChatUser } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'

test('a position beyond what the node has heard is judged by the log', async () => {
  const chat = await startChat({ NESTWIRE_PRESENCE_INTERVAL_MS: '60000' })
  const alice = await ChatUser.login(chat.port, await chat.tokenOf('alice'), hello({ features: Feature.Resume }))
  const { room, epoch, seq } = await alice.join('lobby')
  alice.reset()
  await expect.poll(chat.sessionCount).toBe(0)
  const delivery = chat.app.get(RoomDelivery, { strict: false })
  vi.spyOn(delivery, 'head').mockReturnValue({ epoch, seq: NO_SEQ })
  const { granted } = await ChatUser.comeBack(chat.port, alice)
  expect(seq).toBeGreaterThan(NO_SEQ)
  expect(granted).toMatchObject({ rooms: [{ room, epoch, from: seq, to: seq, outcome: ResumeOutcome.Whole }] })
})
