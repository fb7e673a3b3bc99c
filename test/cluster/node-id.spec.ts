import { expect, test } from 'vitest'
import { parseNodeId } from '../../src/cluster/node-id.js'

test.each(['a', 'Z9_-', '-', 'node-1', 'n'.repeat(64)])('%s is the name of a node', (text) => {
  expect(parseNodeId(text)).toBe(text)
})

test.each(['', 'n'.repeat(65), 'a.b', 'a b', 'a*', '>', 'a#1', 'a/b', 'nöde', 'node\n'])(
  '%j is no name of a node',
  (text) => {
    expect(parseNodeId(text)).toBeUndefined()
  },
)
