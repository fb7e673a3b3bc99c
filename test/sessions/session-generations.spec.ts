import { expect, onTestFinished, test } from 'vitest'
import { StartUpError } from '../../src/config/start-up-error.js'
import { MemoryStateStore } from '../../src/log/memory-state-store.js'
import type { StateKey } from '../../src/log/state-store.js'
import { trustedSessionId } from '../../src/protocol/ids.js'
import { SessionGenerations } from '../../src/sessions/session-generations.js'
import { ManualClock } from '../support/manual-clock.js'

const session = trustedSessionId('0123456789abcdefghijkl')
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const SWEEP_MS = 600_000

/** The store of several nodes: another one may get in between a look and a change. */
class SharedStateStore extends MemoryStateStore {
  /** Runs before each of the next replacements. */
  readonly interlopers: (() => Promise<unknown>)[] = []
  override async replace(key: StateKey, expected: Buffer | undefined, value: Buffer): Promise<boolean> {
    await this.interlopers.shift()?.()
    return super.replace(key, expected, value)
  }
}

async function startGenerations() {
  const clock = new ManualClock()
  const store = new SharedStateStore()
  const start = async (): Promise<SessionGenerations> => {
    const generations = new SessionGenerations(store, clock)
    await generations.onModuleInit()
    onTestFinished(() => generations.onApplicationShutdown())
    return generations
  }
  const kept = async (): Promise<number> => {
    let count = 0
    for await (const { key } of store.entries(['session'])) count += key.length - 1
    return count
  }
  const advance = (generations: SessionGenerations, presented: number, isGone?: () => boolean) =>
    generations.advance(session, presented, { forgetAtMs: clock.now() + HOUR_MS, ...(isGone && { isGone }) })
  return { clock, store, start, kept, advance, generations: await start() }
}

test('whoever has gone meanwhile does not end the session where it has come back', async () => {
  const { store, advance, generations, start } = await startGenerations()
  let isGone = false
  store.interlopers.push(() => {
    isGone = true
    return advance(generations, 1)
  })
  expect(await advance(generations, 1, () => isGone)).toEqual({ kind: 'overtaken' })
  expect(await advance(await start(), 2)).toEqual({ kind: 'advanced', generation: 3 })
})

test('a resume is remembered by the next process', async () => {
  const { start, advance, generations } = await startGenerations()
  expect(await advance(generations, 1)).toEqual({ kind: 'advanced', generation: 2 })
  await generations.confirm(session, 2)
  const next = await start()
  expect(await advance(next, 1)).toEqual({ kind: 'replayed' })
  expect(await advance(next, 2)).toEqual({ kind: 'advanced', generation: 3 })
})

test('a revocation is remembered by the next process', async () => {
  const { start, advance, generations } = await startGenerations()
  expect(await generations.revoke(session)).toBe(true)
  const next = await start()
  expect(await advance(next, 1)).toEqual({ kind: 'revoked' })
  expect(await next.revoke(session)).toBe(false)
})

test('a session that was never resumed is not kept', async () => {
  const { generations, kept } = await startGenerations()
  await generations.confirm(session, 1)
  expect(await kept()).toBe(0)
})

test('whoever changes the session in between counts first', async () => {
  const { store, advance, generations } = await startGenerations()
  store.interlopers.push(() => advance(generations, 1))
  expect(await advance(generations, 1)).toEqual({ kind: 'advanced', generation: 3 })
})

test('a ticket that another node refuses meanwhile is refused here', async () => {
  const { store, advance, generations } = await startGenerations()
  store.interlopers.push(() => generations.revoke(session))
  expect(await advance(generations, 1)).toEqual({ kind: 'revoked' })
})

test('who loses three times is overtaken', async () => {
  const { store, advance, generations } = await startGenerations()
  // Each resume that gets in between is itself the next to ask the store.
  const interlope = (): Promise<unknown> => MemoryStateStore.prototype.put.call(store, ['session', session], other())
  let count = 0
  const other = (): Buffer => Buffer.from([1, 0, 0, 0, 0, 1, 0, 0, 0, ++count, 0, 0, 0, 0, 0, 0, 0, 1])
  store.interlopers.push(interlope, interlope, interlope)
  expect(await advance(generations, 1)).toEqual({ kind: 'overtaken' })
})

test('tasks of one session take turns, and a failure ends only its own', async () => {
  const { generations } = await startGenerations()
  const done: string[] = []
  const failing = generations.inTurn(session, async () => {
    await Promise.resolve()
    done.push('first')
    throw new Error('first')
  })
  const second = generations.inTurn(session, async () => void done.push('second'))
  const elsewhere = generations.inTurn(trustedSessionId('x'), async () => void done.push('elsewhere'))
  await expect(failing).rejects.toThrow('first')
  await Promise.all([second, elsewhere])
  expect(done).toEqual(['elsewhere', 'first', 'second'])
})

test('what is kept goes when no older ticket can be good any more', async () => {
  const { clock, advance, generations, kept } = await startGenerations()
  await advance(generations, 1)
  clock.advance(HOUR_MS - SWEEP_MS)
  await settled()
  expect(await kept()).toBe(1)
  clock.advance(SWEEP_MS)
  await expect.poll(kept).toBe(0)
})

test('a revocation is kept for a day, whatever tickets may say', async () => {
  const { clock, generations, kept } = await startGenerations()
  await generations.revoke(session)
  clock.advance(DAY_MS - SWEEP_MS)
  await settled()
  expect(await kept()).toBe(1)
  clock.advance(SWEEP_MS)
  await expect.poll(kept).toBe(0)
})

test('a clock that was set ahead and right again brings no revoked ticket back', async () => {
  const { clock, advance, generations, kept } = await startGenerations()
  await generations.revoke(session)
  const now = clock.now()
  clock.setWallClock(now + 3650 * DAY_MS)
  clock.advance(SWEEP_MS)
  await settled()
  expect(await kept()).toBe(1)
  clock.setWallClock(now + SWEEP_MS)
  clock.advance(SWEEP_MS)
  await settled()
  expect(await advance(generations, 1)).toEqual({ kind: 'revoked' })
})

test('an entry that cannot be read is named at the start', async () => {
  const { store, start } = await startGenerations()
  await store.put(['session', session], Buffer.from('nonsense'))
  await expect(start()).rejects.toThrow(StartUpError)
  await expect(start()).rejects.toThrow(`session ${session}`)
})

test('nothing runs after the end', async () => {
  const { clock, generations } = await startGenerations()
  generations.onApplicationShutdown()
  expect(clock.timers).toBe(0)
})

/** The sweep that a tick has started has come as far as it does. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
}
