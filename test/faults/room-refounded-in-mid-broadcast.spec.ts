/** A room ends while it is being broadcast to, and another one of that name begins: nothing of the old one gets over. */
import { expect, test } from 'vitest'
import { RecordingConnection } from '../delivery/recording-connection.js'
import { lobby, seqs, startLobby } from '../delivery/router-stack.js'
import { expectChain } from '../support/room-chain.js'
import { refusal } from '../rooms/room-stack.js'
import { join, publish, request, type ChatUser } from '../support/chat-user.js'
import { besideBystanders } from './bystanders.js'

const bodies = ({ records }: RecordingConnection): readonly string[] => records.map(({ body }) => body.toString())

/** A broadcast of the old room of which one slice is done, and its members gone. */
async function withOldRoomEnding() {
  const stack = await startLobby(2_000)
  const { router, say, tick, members } = stack
  const old = router.attach(lobby, members[0] ?? new RecordingConnection())
  await say('old, in mid-broadcast')
  tick.end()
  const pending = say('old, just committed')
  for (const member of members) router.detach(lobby, member)
  const deletion = router.deleteRoom(lobby)
  return { ...stack, old, pending, deletion }
}

test('newcomers hear the new room from its beginning and nothing else', async () => {
  const { router, say, tick, members, old, pending, deletion, log } = await withOldRoomEnding()
  await router.open(lobby)
  await deletion
  await pending.catch(() => undefined)
  const newcomers = [new RecordingConnection(), ...members.slice(0, 10)]
  const heard = newcomers.map(({ frames }) => frames.length)
  const heads = newcomers.map((connection) => router.attach(lobby, connection))
  await say('new')
  await tick.settle()
  for (const head of heads) expect(head).toMatchObject({ seq: 0 })
  for (const [index, connection] of newcomers.entries()) {
    const since = connection.packets.slice(heard[index])
    expect(since).toMatchObject([{ kind: 'deliver', epoch: heads[index]?.epoch, records: [{ seq: 1, prev: 0 }] }])
  }
  expect(heads[0]?.epoch).not.toBe(old.epoch)
  expect((await log.head(lobby)).seq).toBe(1)
  for (const member of members) expect(bodies(member).filter((body) => body === 'old, just committed')).toEqual([])
  expect([router.heldBytes, router.laggingConnections, tick.waiting]).toEqual([0, 0, 0])
})

test('a reader of the old log gets nothing of the new one', async () => {
  const { router, say, tick, log } = await startLobby(0)
  const slow = new RecordingConnection(0)
  const from = router.attach(lobby, slow)
  await say('old 1')
  await say('old 2')
  await tick.settle()
  slow.roomForFrames = Infinity
  router.connectionWritable(slow)
  tick.end()
  router.detach(lobby, slow)
  await router.deleteRoom(lobby)
  await router.open(lobby)
  await say('new')
  await tick.settle()
  expectChain(slow, from)
  expect(bodies(slow)).not.toContain('new')
  expect((await log.head(lobby)).seq).toBe(1)
  expect(router.laggingConnections).toBe(0)
})

test('a message that waited for room at the door is refused, not logged in the new room', async () => {
  const { router, say, tick, log, members } = await startLobby(1, { NESTWIRE_LANE_MAX_MESSAGES: '2' })
  for (const body of ['one', 'two']) await say(body, 'high')
  const waiting = say('for the old room', 'high')
  for (const member of members) router.detach(lobby, member)
  const deletion = router.deleteRoom(lobby)
  const newcomer = new RecordingConnection()
  await expect(waiting).rejects.toEqual(refusal('ROOM_NOT_FOUND'))
  await deletion
  await router.open(lobby)
  router.attach(lobby, newcomer)
  await say('new')
  await tick.settle()
  expect(bodies(newcomer)).toEqual(['new'])
  expect((await log.head(lobby)).seq).toBe(1)
  expect(router.heldBytes).toBe(0)
})

const ROUNDS = 20
const PER_ROUND = 100
const ANSWERS = ROUNDS * PER_ROUND

/** Something of this round, the rest of which may be under way. */
const heardIn = ({ inbox }: ChatUser, round: number): boolean =>
  inbox.some(
    (packet) => packet.kind === 'deliver' && packet.records.some(({ body }) => body.toString().startsWith(`${round} `)),
  )

/** Joins, and while that room is being broadcast to leaves it and founds the next, in one write each time. */
async function liveBriefly(client: ChatUser): Promise<void> {
  let correlation = 1_000
  const next = (): number => (correlation += 1)
  for (let round = 0; round < ROUNDS; round += 1) {
    const joining = next()
    client.send(join('brief', joining))
    await client.find((packet) => packet.kind === 'joined' && packet.correlation === joining)
    const talk = Array.from({ length: PER_ROUND }, (_, n) => publish('brief', `${round} ${n}`, next()))
    const half = talk.slice(0, PER_ROUND / 2)
    client.send(...half)
    await client.find(({ kind }) => kind === 'ack')
    await expect.poll(() => heardIn(client, round), { interval: 1 }).toBe(true)
    client.send(...talk.slice(half.length), request('rooms.leave', { room: 'brief' }, next()))
  }
}

/** Each epoch's records are one chain, of that epoch's round only; returns how many epochs were heard. */
function expectLivesApart({ inbox }: ChatUser): number {
  const heard = new Map<number, { prev: number; seq: number; body: string }[]>()
  for (const packet of inbox) {
    if (packet.kind !== 'deliver') continue
    const records = packet.records.map(({ prev, seq, body }) => ({ prev, seq, body: body.toString() }))
    heard.set(packet.epoch, [...(heard.get(packet.epoch) ?? []), ...records])
  }
  for (const records of heard.values()) {
    expect(records.slice(1).map(({ prev }) => prev)).toEqual(seqs(records as never).slice(0, -1))
    expect(new Set(records.map(({ body }) => body.split(' ')[0])).size).toBe(1)
  }
  return heard.size
}

test('somebody who founds and leaves a room over and over is answered each time, and hears no life in another', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    await liveBriefly(client)
    const answers = () =>
      client.inbox.flatMap((packet) =>
        packet.kind !== 'deliver' && 'correlation' in packet && packet.correlation > 1_000 ? [packet.correlation] : [],
      )
    // JOINED and one ACK a round were taken out of the inbox.
    await expect.poll(() => answers().length, { timeout: 10_000 }).toBe(ANSWERS)
    expect(new Set(answers()).size).toBe(ANSWERS)
    expect(expectLivesApart(client)).toBe(ROUNDS)
    client.reset()
  }))
