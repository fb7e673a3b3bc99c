/** The LMDB state store against a Map: whatever is put, removed, replaced and reopened, awaited or not. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StateKey } from '../../src/log/state-store.js'
import { listed } from '../contracts/state-store.contract.js'
import { openLog, type OpenLog } from './open-logs.js'

const keys: readonly StateKey[] = [
  ['room', 'lobby'],
  ['member', 'lobby', 'alice'],
  ['member', 'lobby', 'bob'],
  ['member', 'кухня', 'alice'],
]
const key = fc.constantFrom(...keys)
const value = fc.constantFrom('', '1', '2')

type Write =
  | { readonly kind: 'put'; readonly key: StateKey; readonly value: string }
  | { readonly kind: 'remove'; readonly key: StateKey }
  | { readonly kind: 'replace'; readonly key: StateKey; readonly expected: string | undefined; readonly value: string }
interface Pause {
  readonly kind: 'settle' | 'reopen'
}
type Step = Write | Pause
const isPause = (step: Step): step is Pause => step.kind === 'settle' || step.kind === 'reopen'

const script: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), key, value }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), key }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('replace' as const),
        key,
        expected: fc.option(value, { nil: undefined }),
        value,
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('settle' as const, 'settle', 'reopen') }) },
  ),
  { maxLength: 40 },
)

/** The same step on the map; a verdict if it has one. */
function play(model: Map<string, string>, step: Write): boolean | undefined {
  const name = step.key.join(' ')
  if (step.kind === 'replace') {
    if (model.get(name) !== step.expected) return false
    model.set(name, step.value)
    return true
  }
  if (step.kind === 'put') model.set(name, step.value)
  else model.delete(name)
  return undefined
}

function call({ log: { state } }: OpenLog, step: Write): Promise<unknown> {
  if (step.kind === 'put') return state.put(step.key, Buffer.from(step.value))
  if (step.kind === 'remove') return state.remove(step.key)
  const expected = step.expected === undefined ? undefined : Buffer.from(step.expected)
  return state.replace(step.key, expected, Buffer.from(step.value))
}

test('shows what a map shows, across restarts', async () => {
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const model = new Map<string, string>()
      let open = await openLog()
      let calls: Promise<unknown>[] = []
      let verdicts: (boolean | undefined)[] = []
      for (const step of [...steps, { kind: 'reopen' as const }]) {
        if (!isPause(step)) {
          calls.push(call(open, step))
          verdicts.push(play(model, step))
          continue
        }
        expect(await Promise.all(calls)).toEqual(verdicts)
        ;[calls, verdicts] = [[], []]
        if (step.kind === 'reopen') open = await open.reopen()
        const expected = [...model].map(([name, text]) => `${name} = ${text}`).toSorted()
        expect([...(await listed(open.log.state, ['member'])), ...(await listed(open.log.state, ['room']))]).toEqual(
          expected,
        )
      }
      await open.log.close()
    }),
    { numRuns: 25 },
  )
})
