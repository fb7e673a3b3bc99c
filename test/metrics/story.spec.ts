/** What happens to a server, and what `/metrics` says of it: exact figures, from the running application. */
import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { trustedEpoch } from '../../src/protocol/ids.js'
import type { Packet } from '../../src/protocol/packets.js'
import { startConfigured } from '../config/config-file-app.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { auth, ChatUser, publish } from '../support/chat-user.js'
import { hello, RawClient } from '../support/raw-client.js'
import { expectFigures, scrape } from './scrape.js'

/** No presence event comes unless time passes. */
const QUIET = { NESTWIRE_PRESENCE_INTERVAL_MS: '60000' }

async function lobbyOf(chat: Chat, ...names: readonly string[]): Promise<readonly ChatUser[]> {
  const users: ChatUser[] = []
  for (const name of names) {
    const user = await chat.connect(name)
    await user.join('lobby')
    users.push(user)
  }
  return users
}

test('nothing has happened to a server that has just started', async () => {
  const chat = await startChat()
  await expectFigures(chat, {
    connections: 0,
    connections_max: 19_000,
    sessions: 0,
    rooms: 0,
    connections_accepted_total: 0,
    'closes_total{code="SlowConsumer"}': 0,
    'requests_total{pattern="chat.send"}': 0,
    'publishes_total{priority="normal"}': 0,
    lanes_congested: 0,
    draining: 0,
    log_up: 1,
  })
})

test('people come, talk and go', async () => {
  const chat = await startChat(QUIET)
  const [alice, bob] = (await lobbyOf(chat, 'alice', 'bob')) as [ChatUser, ChatUser]
  await alice.hears('lobby', ['+bob'])
  for (const line of ['one', 'two', 'three']) {
    await alice.says('lobby', line)
    for (const user of [alice, bob]) await user.hears('lobby', [line])
  }
  await expectFigures(chat, {
    connections: 2,
    sessions: 2,
    rooms: 1,
    connections_accepted_total: 2,
    handshake_seconds_count: 2,
    token_check_seconds_count: 2,
    token_checks_waiting: 0,
    // HELLO, AUTH and JOIN of both, three PUBLISHes
    received_frames_total: 9,
    received_bytes_total: alice.socket.bytesWritten + bob.socket.bytesWritten,
    sent_bytes_total: alice.socket.bytesRead + bob.socket.bytesRead,
    outbox_bytes: 0,
    'requests_total{pattern="auth.login"}': 2,
    'requests_total{pattern="rooms.join"}': 2,
    'requests_total{pattern="chat.send"}': 3,
    'request_seconds_count{pattern="chat.send"}': 3,
    'request_seconds_bucket{le="+Inf",pattern="chat.send"}': 3,
    requests_in_flight: 0,
    'publishes_total{priority="normal"}': 3,
    // the joins
    'publishes_total{priority="notice"}': 2,
    published_bytes_total: 'alicebobonetwothree'.length,
    // Bob's join to Alice, and three messages to both
    deliveries_total: 7,
    batches_total: 4,
    batched_messages_total: 4,
    delivery_lag_seconds_count: 4,
    delivery_lag_seconds_sum: 0,
    log_append_seconds_count: 5,
    recent_ids: 3,
    members_lagging: 0,
  })
  bob.reset()
  alice.send({ kind: 'close', code: 1000, retryAfterMs: 0, message: '', target: '' })
  await alice.expectClosed('Normal')
  alice.end()
  await expectFigures(chat, {
    connections: 0,
    sessions: 0,
    'closes_total{code="none"}': 1,
    'closes_total{code="Normal"}': 1,
  })
})

test('strangers are refused', async () => {
  const chat = await startChat({ ...QUIET, NESTWIRE_MAX_CONNECTIONS: '2' })
  const stranger = await chat.greeted()
  stranger.send(auth('no token', 1))
  await stranger.expect('error')
  await stranger.expectClosed('AuthRejected')
  stranger.end()
  await expectFigures(chat, {
    connections: 0,
    handshake_seconds_count: 0,
    'requests_total{pattern="auth.login"}': 1,
    'request_errors_total{pattern="auth.login",code="TOKEN_INVALID"}': 1,
    'closes_total{code="AuthRejected"}': 1,
  })
  const silent = [await RawClient.connect(chat.port), await RawClient.connect(chat.port)]
  await expectFigures(chat, { connections: 2 })
  await (await RawClient.connect(chat.port)).expectClosed('ServerFull')
  chat.clock.advance(10_000)
  for (const client of silent) await client.expectClosed('HandshakeTimeout')
  chat.clock.advance(2_000)
  await expectFigures(chat, {
    connections_accepted_total: 3,
    'connections_refused_total{reason="full"}': 1,
    'closes_total{code="ServerFull"}': 1,
    'closes_total{code="HandshakeTimeout"}': 2,
    // nobody hung up
    sockets_cut_total: 3,
    connections: 0,
  })
})

test('requests nobody knows count as one pattern, and errors by their code', async () => {
  const chat = await startChat(QUIET)
  const [alice] = (await lobbyOf(chat, 'alice')) as [ChatUser]
  for (let n = 0; n < 5; n += 1) expect(await alice.refusal(`made.up.${n}`)).toBe('NO_HANDLER')
  expect(await alice.refusal('rooms.join', { room: '' })).toBe('BAD_PAYLOAD')
  expect(await alice.refusalOf((correlation) => publish('elsewhere', 'hi', correlation))).toBe('ROOM_NOT_FOUND')
  await expectFigures(chat, {
    'requests_total{pattern="other"}': 5,
    'request_errors_total{pattern="other",code="NO_HANDLER"}': 5,
    'requests_total{pattern="rooms.join"}': 2,
    'request_errors_total{pattern="rooms.join",code="BAD_PAYLOAD"}': 1,
    'request_errors_total{pattern="chat.send",code="ROOM_NOT_FOUND"}': 1,
    'publishes_total{priority="normal"}': 0,
  })
  expect([...(await scrape(chat)).figures.keys()].filter((series) => series.includes('made.up'))).toEqual([])
})

test('a repeat is counted, and published once', async () => {
  const chat = await startChat(QUIET)
  const [alice] = (await lobbyOf(chat, 'alice')) as [ChatUser]
  const first = publish('lobby', 'hi', 100)
  await alice.ask(first, 'ack')
  await alice.find(({ kind }) => kind === 'deliver')
  await alice.ask(first, 'ack')
  await expectFigures(chat, {
    repeats_total: 1,
    'publishes_total{priority="normal"}': 1,
    deliveries_total: 1,
    'requests_total{pattern="chat.send"}': 2,
  })
})

test('a slow reader falls behind, is told of a gap, and is live again', async () => {
  const chat = await startChat({
    ...QUIET,
    NESTWIRE_LOG_ENGINE: 'memory',
    NESTWIRE_HISTORY_MAX_RECORDS: '10',
    NESTWIRE_CONFIRM_WINDOW_BYTES: '140000',
  })
  const [alice] = (await lobbyOf(chat, 'alice')) as [ChatUser]
  const bob = await ChatUser.login(chat.port, await chat.tokenOf('bob'), hello({ features: Feature.Positions }))
  const { seq } = await bob.join('lobby')
  await alice.hears('lobby', ['+bob'])
  const MESSAGES = 30
  const line = 'x'.repeat(20_000)
  for (let n = 0; n < MESSAGES; n += 1) {
    await alice.says('lobby', line)
    await alice.hears('lobby', [line])
  }
  await expectFigures(chat, {
    members_lagging: 1,
    members_fell_behind_total: 1,
    members_caught_up_total: 0,
    // all but the last ten of two joins and thirty messages
    log_records_forgotten_total: MESSAGES + 2 - 10,
    'gaps_total{reason="trimmed"}': 0,
  })
  const confirming = setInterval(() => bob.confirm(), 5)
  const isThere = ({ kind, ...packet }: Packet): boolean =>
    kind === 'deliver' && 'records' in packet && packet.records.at(-1)?.seq === seq + MESSAGES
  await bob.find(isThere).finally(() => clearInterval(confirming))
  await expectFigures(chat, {
    members_lagging: 0,
    members_caught_up_total: 1,
    members_unread: 0,
    catch_up_reads: 0,
    'gaps_total{reason="trimmed"}': 1,
    'closes_total{code="SlowConsumer"}': 0,
  })
})

test('who does not read at all is closed as too slow', async () => {
  const chat = await startChat({ ...QUIET, NESTWIRE_CONFIRM_WINDOW_BYTES: '140000' })
  const [alice] = (await lobbyOf(chat, 'alice')) as [ChatUser]
  const bob = await ChatUser.login(chat.port, await chat.tokenOf('bob'), hello({ features: Feature.Positions }))
  await bob.join('lobby')
  for (let n = 0; n < 20; n += 1) await alice.says('lobby', 'x'.repeat(20_000))
  await expectFigures(chat, { members_lagging: 1 })
  for (let n = 0; n < 20; n += 1) {
    chat.clock.advance(2_000)
    await alice.settled()
  }
  await expectFigures(chat, { members_lagging: 0, 'closes_total{code="SlowConsumer"}': 1 })
})

test('low priority is refused and normal degraded while the lanes are full', async () => {
  const chat = await startChat({ ...QUIET, NESTWIRE_LANE_MAX_MESSAGES: '5' })
  const [alice] = (await lobbyOf(chat, 'alice')) as [ChatUser]
  const COUNT = 200
  const flood = Array.from({ length: COUNT }, (_, n): readonly Packet[] => {
    const low = publish('lobby', 'low', 2_000 + n)
    return [publish('lobby', 'normal', 1_000 + n), low.kind === 'publish' ? { ...low, priority: 2 } : low]
  })
  alice.send(...flood.flat())
  const answers = () => alice.inbox.flatMap((p) => (p.kind === 'ack' || p.kind === 'error' ? [p] : []))
  await expect.poll(() => answers().length).toBe(COUNT * 2)
  const refused = answers().flatMap((answer) => (answer.kind === 'error' ? [answer] : []))
  expect(refused.every(({ code }) => code === ErrorCode.Backpressure)).toBe(true)
  const lows = refused.filter(({ correlation }) => correlation >= 2_000).length
  const normals = refused.length - lows
  expect([lows > 0, normals > 0]).toEqual([true, true])
  await expectFigures(chat, {
    'publishes_refused_total{priority="low"}': lows,
    'publishes_refused_total{priority="normal"}': normals,
    'publishes_total{priority="low"}': COUNT - lows,
    'publishes_total{priority="normal"}': COUNT - normals,
    'request_errors_total{pattern="chat.send",code="BACKPRESSURE"}': refused.length,
    lanes_congested: 0,
    'lane_messages{lane="normal"}': 0,
    'lane_bytes{lane="low"}': 0,
    'lane_rooms{lane="normal"}': 0,
  })
  expect((await scrape(chat)).figures.get('publishes_degraded_total')).toBeGreaterThan(0)
})

test('sessions are taken up again, with and without a gap', async () => {
  const chat = await startChat(QUIET)
  const features = Feature.Resume
  const alice = await ChatUser.login(chat.port, await chat.tokenOf('alice'), hello({ features }))
  await alice.join('lobby')
  alice.reset()
  await expectFigures(chat, { sessions: 0 })
  const back = await ChatUser.comeBack(chat.port, alice)
  await back.showsTicket()
  await expectFigures(chat, { sessions: 1, 'resumes_total{outcome="complete"}': 1, 'resumes_total{outcome="gap"}': 0 })
  const positions = alice.positions.map((position) => ({ ...position, epoch: trustedEpoch(1) }))
  await ChatUser.comeBack(chat.port, back, { positions })
  const stranger = await ChatUser.greetedForResume(chat.port)
  expect(
    await stranger.answerTo((correlation) => ({
      kind: 'resume',
      correlation,
      redirects: 0,
      ticket: Buffer.alloc(64),
      positions: [],
    })),
  ).toBe('error')
  await expectFigures(chat, {
    'resumes_total{outcome="complete"}': 1,
    'resumes_total{outcome="gap"}': 1,
    'gaps_total{reason="resume"}': 1,
    'request_errors_total{pattern="auth.resume",code="TICKET_INVALID"}': 1,
    'closes_total{code="TakenOver"}': 1,
  })
})

test('time passes: pings, presence and the event loop', async () => {
  const chat = await startChat()
  await lobbyOf(chat, 'alice', 'bob')
  const before = (await scrape(chat)).figures.get('event_loop_delay_seconds_count')
  chat.clock.advance(26_000)
  await expectFigures(chat, {
    pings_total: 2,
    presence_events_total: 1,
    event_loop_delay_seconds_count: (before ?? 0) + 26,
  })
})

test('settings are taken anew, or not', async () => {
  const chat = await startConfigured()
  const digestIn = async (): Promise<string | undefined> =>
    [...(await scrape(chat)).figures.keys()].find((series) => series.startsWith('config_info'))
  const before = await digestIn()
  await chat.change({ NESTWIRE_MAX_CONNECTIONS: '7' })
  await expectFigures(chat, { connections_max: 7, config_last_reload_ok: 1, 'config_reloads_total{outcome="ok"}': 1 })
  expect(await digestIn()).not.toBe(before)
  await chat.write({ NESTWIRE_MAX_CONNECTIONS: 'many' })
  expect(await chat.reload.run('admin')).toMatchObject({ isOk: false })
  await expectFigures(chat, {
    connections_max: 7,
    config_last_reload_ok: 0,
    'config_reloads_total{outcome="ok"}': 1,
    'config_reloads_total{outcome="failed"}': 1,
  })
})

test('a drain tells how far it is', async () => {
  const chat = await startChat({ ...QUIET, NESTWIRE_DRAIN_TIMEOUT_MS: '10000' })
  const [alice, bob] = (await lobbyOf(chat, 'alice', 'bob')) as [ChatUser, ChatUser]
  const drained = chat.drain()
  await alice.find(({ kind }) => kind === 'close')
  alice.end()
  await bob.find(({ kind }) => kind === 'close')
  await expectFigures(chat, {
    draining: 1,
    drain_connections: 2,
    connections: 1,
    sessions: 0,
    'closes_total{code="ShuttingDown"}': 2,
    drain_cut_total: 0,
  })
  bob.end()
  await drained
  await expectFigures(chat, { connections: 0 })
})
