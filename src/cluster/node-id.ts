/**
 * The name of a node in the ring. Its characters can stand in a NATS subject, a KV key and a URL as they are.
 * The cast lives in this file only; every name goes through `parseNodeId`.
 */
declare const brand: unique symbol

export type NodeId = string & { readonly [brand]: 'NodeId' }

const NODE_ID = /^[A-Za-z0-9_-]{1,64}$/

/** `undefined` unless `text` is 1 to 64 letters, digits, `_` or `-`. */
export const parseNodeId = (text: string): NodeId | undefined => (NODE_ID.test(text) ? (text as NodeId) : undefined)
