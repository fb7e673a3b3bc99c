import { expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { StartUpError } from '../../src/config/start-up-error.js'
import { Settings } from '../../src/config/settings.js'

test('a swap replaces the value whole', () => {
  const settings = new Settings(loadSettings({}))
  const next = loadSettings({ NESTWIRE_MAX_CONNECTIONS: '7', NESTWIRE_MAX_ROOMS: '8' })
  settings.swap(next)
  expect(settings.current).toBe(next)
})

test('listeners hear of a swap after it happened', () => {
  const first = loadSettings({})
  const next = loadSettings({ NESTWIRE_MAX_ROOMS: '8' })
  const settings = new Settings(first)
  const heard: unknown[] = []
  settings.onChange((now, before) => heard.push([settings.current === now, before]))
  settings.swap(next)
  expect(heard).toEqual([[true, first]])
})

test('a listener that left hears nothing', () => {
  const settings = new Settings(loadSettings({}))
  const heard: unknown[] = []
  const stop = settings.onChange((now) => heard.push(now))
  stop()
  settings.swap(loadSettings({}))
  expect(heard).toEqual([])
})

test('nothing is in force before everything is prepared, then all of it at once', async () => {
  const settings = new Settings(loadSettings({}))
  const next = loadSettings({ NESTWIRE_MAX_ROOMS: '8' })
  let key = 'old'
  settings.onPrepare(async ({ rooms }) => {
    await Promise.resolve()
    return () => void (key = `of ${rooms.maxRooms}`)
  })
  const heard: unknown[] = []
  settings.onChange((now) => heard.push([now.rooms.maxRooms, key]))
  const commit = await settings.prepare(next)
  expect([settings.current === next, key, heard]).toEqual([false, 'old', []])
  commit()
  expect([settings.current === next, key, heard]).toEqual([true, 'of 8', [[8, 'of 8']]])
})

test('one preparation that fails leaves everything as it was', async () => {
  const first = loadSettings({})
  const settings = new Settings(first)
  let isCommitted = false
  settings.onPrepare(() => Promise.resolve(() => void (isCommitted = true)))
  settings.onPrepare(() => Promise.reject(new StartUpError('the file is not a certificate')))
  await expect(settings.prepare(loadSettings({ NESTWIRE_MAX_ROOMS: '8' }))).rejects.toThrow('not a certificate')
  expect([settings.current === first, isCommitted]).toEqual([true, false])
})

test('all preparations that fail are told at once', async () => {
  const settings = new Settings(loadSettings({}))
  settings.onPrepare(() => Promise.reject(new StartUpError('no certificate')))
  settings.onPrepare(() => {
    throw new StartUpError('no key')
  })
  const failed = settings.prepare(loadSettings({}))
  await expect(failed).rejects.toThrow(new StartUpError('no certificate\nno key'))
})
