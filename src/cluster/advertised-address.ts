/** What a node tells clients of where it is, and what it is called for it. Pure. */
import { parseNodeId, type NodeId } from './node-id.js'
import { stableHash } from './stable-hash.js'

const MAX_NAME_CHARACTERS = 64
const EVERY_INTERFACE: readonly string[] = ['0.0.0.0', '::', '']

interface Whereabouts {
  readonly advertised: { readonly host: string; readonly port: number | undefined } | undefined
  /** Where it listens. */
  readonly host: string
  readonly port: number
  /** Of the machine. */
  readonly hostname: string
}

/** `host:port`, an IPv6 address in brackets. */
export function advertisedAddress({ advertised, host, port, hostname }: Whereabouts): string {
  const told = advertised?.host ?? (EVERY_INTERFACE.includes(host) ? hostname : host)
  return `${told.includes(':') ? `[${told}]` : told}:${advertised?.port ?? port}`
}

/** The name of a node that was given none; of a long address the end is a hash. */
export function nameOfAddress(address: string): NodeId {
  const plain = address.replaceAll(/[^A-Za-z0-9_-]/g, '-')
  const hash = stableHash(address).toString(36)
  const short = `${plain.slice(0, MAX_NAME_CHARACTERS - hash.length - 1)}-${hash}`
  const name = parseNodeId(plain.length > MAX_NAME_CHARACTERS ? short : plain)
  if (name === undefined) throw new RangeError(`no name for a node at ${address}`)
  return name
}
