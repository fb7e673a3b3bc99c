import { expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
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
