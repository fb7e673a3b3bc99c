import { Logger } from '@nestjs/common'
import { expect, onTestFinished, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { MAX_TEXT_CHARACTERS } from '../../src/output/plain-text.js'
import { ServerLogger, writesJson } from '../../src/output/server-logger.js'
import { captureOutput } from '../support/captured-output.js'
import { ManualClock } from '../support/manual-clock.js'

function logTo(env: Record<string, string>) {
  const output = captureOutput()
  const settings = new Settings(loadSettings(env))
  const clock = new ManualClock()
  const logger = new ServerLogger(settings, clock)
  onTestFinished(() => logger.close())
  return { ...output, settings, clock, logger }
}

const json = { NESTWIRE_LOG_JSON: 'true' }
const forPeople = { NESTWIRE_LOG_JSON: 'false' }

test('auto writes JSON where standard output is no terminal', () => {
  expect(writesJson(loadSettings({}))).toBe(!process.stdout.isTTY)
  expect(writesJson(loadSettings(json))).toBe(true)
  expect(writesJson(loadSettings(forPeople))).toBe(false)
})

test('fields are keys of the JSON object', () => {
  const log = logTo(json)
  log.logger.warn('refused', { connection: 'c1', user: undefined, code: 'BAD_FIELD', level: 'forged' }, 'Nestwire')
  expect(log.json()).toEqual([
    {
      level: 'warn',
      pid: process.pid,
      timestamp: expect.any(Number),
      message: 'refused',
      context: 'Nestwire',
      connection: 'c1',
      code: 'BAD_FIELD',
    },
  ])
})

test('fields stand at the end of a line for people', () => {
  const log = logTo(forPeople)
  log.logger.warn('refused', { connection: 'c1', user: undefined, code: 'BAD_FIELD' }, 'Nestwire')
  expect(log.text()).toMatch(/^\[Nestwire\] \d+ .+ WARN \[Nestwire\] refused connection=c1 code=BAD_FIELD\n$/)
})

test.each([json, forPeople])('text of others stays on its line, with %o', (env) => {
  const log = logTo(env)
  log.logger.warn('no\n[Nestwire] forged \u001b[2J', { user: 'x\n{"level":"fatal"}', '\nkey': '\u009b' })
  expect(log.text().trimEnd()).not.toMatch(/[\p{Cc}]/u)
})

test('an error without a stack is one line for people', () => {
  const log = logTo(forPeople)
  log.logger.error('no handler', { connection: 'c1' }, 'Nestwire')
  expect(log.text()).toMatch(/^.+ no handler connection=c1\n$/)
})

test('an error of others begins no line for people', () => {
  const log = logTo(forPeople)
  log.logger.error(new Error('no\n[Nestwire] 1 - forged'), { connection: 'c1' })
  const [first, ...others] = log.text().trimEnd().split('\n')
  expect(first).toMatch(/^\[Nestwire\]/)
  expect(others.filter((line) => !line.startsWith('    '))).toEqual([])
})

test('an error is one JSON object with its stack', () => {
  const log = logTo(json)
  log.logger.error(new Error('no\nmore'), { connection: 'c1' }, 'Nestwire')
  expect(log.json()).toMatchObject([{ message: 'no\nmore', connection: 'c1', error: { name: 'Error' } }])
})

test.each([json, forPeople])('long text is cut, with %o', (env) => {
  const log = logTo(env)
  log.logger.warn('x'.repeat(60_000), { user: 'y'.repeat(60_000) })
  expect(log.text().length).toBeLessThan(3 * MAX_TEXT_CHARACTERS)
  expect(log.text()).toContain('… (55904 more)')
})

test('a changed level holds from the next line on', () => {
  const log = logTo({ ...json, NESTWIRE_LOG_LEVEL: 'warn' })
  log.logger.debug('first')
  log.settings.swap(loadSettings({ ...json, NESTWIRE_LOG_LEVEL: 'debug' }))
  log.logger.debug('second')
  log.settings.swap(loadSettings({ ...json, NESTWIRE_LOG_LEVEL: 'error' }))
  log.logger.warn('third')
  expect(log.json().map(({ message }) => message)).toEqual(['second'])
})

test('of a flood 100 lines a second are written, and how many were not', () => {
  const log = logTo(json)
  for (let line = 0; line < 101; line += 1) log.logger.warn('flood', 'Rooms')
  log.logger.error('fault', 'Rooms')
  expect(log.json().filter(({ message }) => message === 'flood')).toHaveLength(100)
  expect(log.json().at(-1)).toMatchObject({ message: 'fault' })
  log.clock.advance(1_000)
  expect(log.json().at(-1)).toMatchObject({ message: '1 more lines were left out', kind: 'warn Rooms' })
  log.logger.warn('flood', 'Rooms')
  expect(log.json().at(-1)).toMatchObject({ message: 'flood' })
})

test('the stack of a line that was left out is left out', () => {
  const log = logTo(forPeople)
  for (let line = 0; line < 101; line += 1) log.logger.error('fault', 'Error: no\n    at there', 'Rooms')
  expect(log.text().match(/at there/g)).toHaveLength(100)
})

test.each([
  ['log', []],
  ['debug', ['Mapped', 'Mapped']],
])('what Nest tells of its start at level %s, and its warnings', (level, lines) => {
  const log = logTo({ ...json, NESTWIRE_LOG_LEVEL: level })
  for (const context of ['InstanceLoader', 'RouterExplorer']) log.logger.log('Mapped', context)
  log.logger.warn('deprecated', 'RouterExplorer')
  log.logger.log('listens', 'Nestwire')
  expect(log.json().map(({ message }) => message)).toEqual([...lines, 'deprecated', 'listens'])
})

test('the loggers of the parts of the server write the same way', () => {
  const log = logTo(json)
  Logger.overrideLogger(log.logger)
  onTestFinished(() => Logger.overrideLogger(false))
  new Logger('Rooms').warn('refused', { room: 'lobby' })
  expect(log.json()).toMatchObject([{ context: 'Rooms', message: 'refused', room: 'lobby' }])
})
