/** What the `cluster.*` patterns take and answer. */
import { z } from 'zod'
import { parseUserId, type UserId } from '../protocol/ids.js'

export const clusterPayloads = {
  'cluster.nodes': z.strictObject({}).optional(),
  'cluster.route': z.strictObject({
    user: z.string().transform((text, context): UserId => {
      const user = parseUserId(text)
      if (user !== undefined) return user
      context.addIssue({ code: 'custom', message: 'is not a user name' })
      return z.NEVER
    }),
  }),
}

export interface ListedNode {
  /** Of this incarnation. */
  readonly id: string
  readonly name: string
  /** `host:port`. */
  readonly address: string
  readonly state: 'up' | 'draining'
  readonly connections: number
  /** It is the one that answers. */
  readonly isSelf: boolean
}

export interface NodesReply {
  readonly nodes: readonly ListedNode[]
}
