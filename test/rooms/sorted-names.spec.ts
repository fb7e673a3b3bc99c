import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { SortedNames } from '../../src/rooms/sorted-names.js'

const name = fc.constantFrom('a', 'b', 'ba', 'c', 'd', 'é', 'z', 'Z')
const change = fc.record({ name, isAdded: fc.boolean() })

test('pages as a sorted set would', () => {
  fc.assert(
    fc.property(
      fc.array(change),
      fc.option(name, { nil: undefined }),
      fc.integer({ min: 1, max: 4 }),
      (changes, after, limit) => {
        const names = new SortedNames<string>()
        const model = new Set<string>()
        for (const { name: changed, isAdded } of changes) {
          if (isAdded) {
            names.add(changed)
            model.add(changed)
          } else {
            names.delete(changed)
            model.delete(changed)
          }
        }
        const rest = [...model].toSorted().filter((each) => after === undefined || each > after)
        expect(names.page(after, limit)).toEqual({ names: rest.slice(0, limit), more: rest.length > limit })
      },
    ),
  )
})
