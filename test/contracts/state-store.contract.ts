/** What every `StateStore` engine does. Each engine's spec calls this with a factory of empty stores. */
import { describe, expect, test } from 'vitest'
import type { StateEntry, StateKey, StateStore } from '../../src/log/state-store.js'
import { MAX_NAME_BYTES } from '../../src/protocol/ids.js'

/** More than one turn takes. */
const SCANNED = 4_100

export const textOf = (value: Buffer | undefined): string | undefined => value?.toString()

export async function listed(store: StateStore, prefix: StateKey): Promise<readonly string[]> {
  const entries: StateEntry[] = []
  for await (const entry of store.entries(prefix)) entries.push(entry)
  return entries.map(({ key, value }) => `${key.join(' ')} = ${value.toString()}`)
}

export function stateStoreContract(engine: string, open: () => Promise<StateStore>): void {
  describe(`state store: ${engine}`, () => {
    test('gives what was put, and the last of it', async () => {
      const store = await open()
      expect(await store.get(['room', 'lobby'])).toBeUndefined()
      await store.put(['room', 'lobby'], Buffer.from('one'))
      expect(textOf(await store.get(['room', 'lobby']))).toBe('one')
      await store.put(['room', 'lobby'], Buffer.from('two'))
      expect(textOf(await store.get(['room', 'lobby']))).toBe('two')
      expect(await listed(store, ['room'])).toEqual(['room lobby = two'])
    })

    test('keeps values of no bytes and large ones', async () => {
      const store = await open()
      const large = Buffer.alloc(100_000, 'x')
      await Promise.all([store.put(['room', 'a'], Buffer.alloc(0)), store.put(['room', 'b'], large)])
      expect(await store.get(['room', 'a'])).toEqual(Buffer.alloc(0))
      expect(await store.get(['room', 'b'])).toEqual(large)
    })

    test('removes, what is not there too', async () => {
      const store = await open()
      await store.put(['ban', 'lobby', 'bob'], Buffer.from('out'))
      await store.remove(['ban', 'lobby', 'bob'])
      await store.remove(['ban', 'lobby', 'bob'])
      expect(await store.get(['ban', 'lobby', 'bob'])).toBeUndefined()
      expect(await listed(store, ['ban'])).toEqual([])
    })

    test('takes writes in call order', async () => {
      const store = await open()
      const key: StateKey = ['session', 'one']
      await Promise.all([
        store.put(key, Buffer.from('1')),
        store.remove(key),
        store.put(key, Buffer.from('2')),
        store.put(key, Buffer.from('3')),
      ])
      expect(textOf(await store.get(key))).toBe('3')
      await Promise.all([store.put(key, Buffer.from('4')), store.remove(key)])
      expect(await store.get(key)).toBeUndefined()
    })

    test('replaces only what is expected', async () => {
      const store = await open()
      const key: StateKey = ['session', 'one']
      expect(await store.replace(key, Buffer.from('0'), Buffer.from('1'))).toBe(false)
      expect(await store.get(key)).toBeUndefined()
      expect(await store.replace(key, undefined, Buffer.from('1'))).toBe(true)
      expect(await store.replace(key, undefined, Buffer.from('2'))).toBe(false)
      expect(await store.replace(key, Buffer.from('0'), Buffer.from('2'))).toBe(false)
      expect(textOf(await store.get(key))).toBe('1')
      expect(await store.replace(key, Buffer.from('1'), Buffer.from('2'))).toBe(true)
      expect(textOf(await store.get(key))).toBe('2')
    })

    test('removes only what is expected', async () => {
      const store = await open()
      const key: StateKey = ['room', 'lobby']
      expect(await store.replace(key, Buffer.from('1'), undefined)).toBe(false)
      await store.put(key, Buffer.from('1'))
      expect(await store.replace(key, Buffer.from('2'), undefined)).toBe(false)
      expect(textOf(await store.get(key))).toBe('1')
      expect(await store.replace(key, Buffer.from('1'), undefined)).toBe(true)
      expect(await store.get(key)).toBeUndefined()
      expect(await listed(store, ['room'])).toEqual([])
    })

    test('tells an empty value from none', async () => {
      const store = await open()
      const key: StateKey = ['session', 'one']
      expect(await store.replace(key, Buffer.alloc(0), Buffer.from('1'))).toBe(false)
      await store.put(key, Buffer.alloc(0))
      expect(await store.replace(key, undefined, Buffer.from('1'))).toBe(false)
      expect(await store.replace(key, Buffer.alloc(0), Buffer.from('1'))).toBe(true)
    })

    test('of several that replace at once one wins', async () => {
      const store = await open()
      const key: StateKey = ['session', 'one']
      await store.put(key, Buffer.from('0'))
      const values = ['1', '2', '3', '4']
      const wins = await Promise.all(values.map((value) => store.replace(key, Buffer.from('0'), Buffer.from(value))))
      expect(wins).toEqual([true, false, false, false])
      expect(textOf(await store.get(key))).toBe('1')
    })

    test('replaces what earlier calls leave, committed or not', async () => {
      const store = await open()
      const key: StateKey = ['session', 'one']
      const verdicts = await Promise.all([
        store.put(key, Buffer.from('1')),
        store.replace(key, Buffer.from('1'), Buffer.from('2')),
        store.remove(key),
        store.replace(key, Buffer.from('2'), Buffer.from('3')),
        store.replace(key, undefined, Buffer.from('4')),
      ])
      expect(verdicts).toEqual([undefined, true, undefined, false, true])
      expect(textOf(await store.get(key))).toBe('4')
    })

    test('lists what begins with whole names', async () => {
      const store = await open()
      const puts: StateKey[] = [
        ['member', 'lobby', 'alice'],
        ['member', 'lobby', 'bob'],
        ['member', 'lobby 2', 'carol'],
        ['member', 'lob', 'dave'],
        ['ban', 'lobby', 'erin'],
        ['room', 'lobby'],
      ]
      await Promise.all(puts.map((key) => store.put(key, Buffer.from('x'))))
      expect(await listed(store, ['member', 'lobby'])).toEqual(['member lobby alice = x', 'member lobby bob = x'])
      expect(await listed(store, ['member', 'lobby', 'bob'])).toEqual(['member lobby bob = x'])
      expect(await listed(store, ['member', 'lobb'])).toEqual([])
      expect(await listed(store, ['member'])).toHaveLength(4)
      expect(await listed(store, ['session'])).toEqual([])
    })

    test('lists in the order of the bytes', async () => {
      const store = await open()
      // U+FFFD is before U+1F600 in bytes, and behind it in JavaScript's strings.
      const names = ['b', 'a b', 'a', '\u{1F600}', '\uFFFD', 'ä', 'B']
      await Promise.all(names.map((name) => store.put(['room', name], Buffer.from(name))))
      const found = await listed(store, ['room'])
      expect(found).toEqual(['B', 'a', 'a b', 'b', 'ä', '\uFFFD', '\u{1F600}'].map((name) => `room ${name} = ${name}`))
    })

    test('takes names of any text but U+0000', async () => {
      const store = await open()
      const odd = ['', ' ', '\n', '\u0001', 'кухня', 'x'.repeat(MAX_NAME_BYTES)]
      for (const name of odd) await store.put(['member', 'lobby', name], Buffer.from('x'))
      expect(await listed(store, ['member', 'lobby'])).toHaveLength(odd.length)
      for (const name of odd) expect(textOf(await store.get(['member', 'lobby', name]))).toBe('x')
      await expect(store.put(['room', 'a\0b'], Buffer.alloc(0))).rejects.toBeInstanceOf(RangeError)
      await expect(store.get(['room', 'x'.repeat(MAX_NAME_BYTES + 1)])).rejects.toBeInstanceOf(RangeError)
    })

    test('a scan tells each entry of a table once, lets others have turns, and bears removals', async () => {
      const store = await open()
      const names = Array.from({ length: SCANNED }, (_, index) => `s${index}`)
      for (const name of names) await store.put(['session', name], Buffer.from(name))
      await store.put(['room', 's0'], Buffer.from('another table'))
      await store.remove(['session', 's1'])
      let turns = 0
      let isOver = false
      const count = (): void => {
        turns += 1
        if (!isOver) setImmediate(count)
      }
      setImmediate(count)
      const seen: string[] = []
      for await (const { key, value } of store.scan('session')) {
        seen.push(value.toString())
        if (key[1] === 's5') await store.remove(key)
      }
      isOver = true
      expect(seen.toSorted()).toEqual(names.filter((name) => name !== 's1').toSorted())
      expect(turns).toBeGreaterThanOrEqual(2)
    })

    test('a put during a listing does not disturb it', async () => {
      const store = await open()
      for (let index = 0; index < 10; index += 1) await store.put(['room', `r${index}`], Buffer.from('x'))
      const seen: string[] = []
      for await (const { key } of store.entries(['room'])) {
        seen.push(key[1] ?? '')
        await store.remove(key)
        await store.put(['ban', 'r0', key[1] ?? ''], Buffer.from('x'))
      }
      expect(seen).toHaveLength(10)
      expect(await listed(store, ['room'])).toEqual([])
      expect(await listed(store, ['ban', 'r0'])).toHaveLength(10)
    })
  })
}
