import { expect, test } from 'vitest'
import { settingsList } from '../../src/config/settings-schema.js'
import { startConfigured } from '../config/config-file-app.js'
import { askAdmin } from './admin-client.js'

const CONFIG = '/admin/config'
const post = { method: 'POST' } as const

test('every setting is shown, with its value, where it comes from and whether it is live', async () => {
  const chat = await startConfigured({
    NESTWIRE_MAX_ROOMS: '7',
    NESTWIRE_ADVERTISED_ADDRESS: '[::1]:7420',
    NESTWIRE_TRUSTED_ADDRESSES: 'none',
  })
  const { body } = await askAdmin(chat, CONFIG)
  expect(body).toMatchObject({
    file: chat.path,
    digest: expect.stringMatching(/^[0-9a-f]{12}$/),
    last: null,
    pending: [],
  })
  const { settings } = body as { settings: { name: string }[] }
  expect(settings.map(({ name }) => name)).toEqual(settingsList.map(({ setting }) => setting.env))
  const shown = (wanted: string) => settings.find(({ name }) => name === wanted)
  expect(shown('NESTWIRE_MAX_ROOMS')).toEqual({
    name: 'NESTWIRE_MAX_ROOMS',
    value: 7,
    origin: 'file',
    isLive: true,
    unit: 'rooms',
  })
  expect(shown('NESTWIRE_PORT')).toEqual({ name: 'NESTWIRE_PORT', value: 0, origin: 'environment', isLive: false })
  expect(shown('NESTWIRE_MAX_MEMBERS_PER_ROOM')).toMatchObject({ value: 100_000, origin: 'default' })
  expect(shown('NESTWIRE_CLUSTER_TOKEN')).toMatchObject({ value: null, origin: 'default' })
  expect(shown('NESTWIRE_AUTH_SECRET')).toMatchObject({ value: expect.stringMatching(/^secret #[0-9a-f]{12}$/) })
  expect(shown('NESTWIRE_TRUSTED_ADDRESSES')).toMatchObject({ value: 'none' })
  expect(shown('NESTWIRE_ADVERTISED_ADDRESS')).toMatchObject({ value: '{"host":"::1","port":7420}' })
})

test('a dry run answers the diff and changes nothing; the same without it reloads', async () => {
  const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' })
  await chat.write({ NESTWIRE_MAX_ROOMS: '8', NESTWIRE_RESUME: 'false' })
  const changes = [
    { name: 'NESTWIRE_RESUME', from: true, to: false, effect: 'restart' },
    { name: 'NESTWIRE_MAX_ROOMS', from: 7, to: 8, effect: 'live' },
  ]
  const announced = await askAdmin(chat, `${CONFIG}?dryRun=true`, post)
  expect(announced).toMatchObject({ status: 200, body: { isOk: true, isDryRun: true, changes } })
  expect([chat.settings.current.rooms.maxRooms, chat.reload.counts.ok]).toEqual([7, 0])
  const done = await askAdmin(chat, CONFIG, post)
  expect(done).toMatchObject({ status: 200, body: { isOk: true, isDryRun: false, changes } })
  expect(chat.settings.current.rooms.maxRooms).toBe(8)
  expect((await askAdmin(chat, CONFIG)).body).toMatchObject({
    reloads: { ok: 1, failed: 0 },
    last: done.body,
    pending: [changes[0]],
    digest: (announced.body as { digest: string }).digest,
  })
})

test('what cannot be is answered with 422 and all problems', async () => {
  const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' })
  await chat.write({ NESTWIRE_MAX_ROOMS: '0', NESTWIRE_RESUME: 'x' })
  const problems = [
    'NESTWIRE_RESUME must be true or false',
    'NESTWIRE_MAX_ROOMS must be a whole number from 1 to 10000000',
  ]
  for (const path of [`${CONFIG}?dryRun=true`, CONFIG]) {
    expect(await askAdmin(chat, path, post)).toMatchObject({ status: 422, body: { isOk: false, problems } })
  }
  expect((await askAdmin(chat, CONFIG)).body).toMatchObject({ reloads: { ok: 0, failed: 1 }, last: { problems } })
})

test.each(['dryRun=yes', 'dryRun=', 'dryRun=true&dryRun=true', 'dryRun[]=true', 'dryrun=true'])(
  '%s is refused and reloads nothing',
  async (query) => {
    const chat = await startConfigured()
    const answer = await askAdmin(chat, `${CONFIG}?${query}`, post)
    expect([answer.status === 400, chat.reload.counts.ok]).toEqual([true, 0])
  },
)
