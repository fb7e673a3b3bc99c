import type { NatsLink } from './jetstream/nats-link.js'
import type { SharedStateStore } from './state-store.js'

/** What this node has in common with the others of its cluster. */
export type Sharing =
  { readonly kind: 'alone' } | { readonly kind: 'cluster'; readonly link: NatsLink; readonly state: SharedStateStore }
