/**
 * What a node tells the others of itself, and its form in the state bucket. Pure.
 *
 * `['node', id]  version:u8 draining:u8 epoch:u64 beats:u32 connections:u32 name:str8 address:str16`
 */
import { Reader } from '../protocol/reader.js'
import { Writer } from '../protocol/writer.js'
import { parseNodeId, type NodeId } from './node-id.js'

const VERSION = 1
const INITIAL_BYTES = 64
/** Name and address are bounded by the settings they come from. */
const MAX_BYTES = 1_024

export interface NodeEntry {
  /** Its place on the ring; the same after a restart. */
  readonly name: NodeId
  /** Where clients reach it, `host:port`. */
  readonly address: string
  /** Unix milliseconds of its start: of two nodes of one name the newer one counts. */
  readonly epochMs: number
  /** Grows with every heartbeat, so that each is a change. */
  readonly beats: number
  readonly connections: number
  /** It takes no new clients. */
  readonly isDraining: boolean
}

export type NodeReading =
  { readonly kind: 'entry'; readonly entry: NodeEntry } | { readonly kind: 'newer' | 'unreadable' }

export function encodeNodeEntry({ name, address, epochMs, beats, connections, isDraining }: NodeEntry): Buffer {
  const writer = new Writer(INITIAL_BYTES, MAX_BYTES)
  writer.u8(VERSION)
  writer.u8(isDraining ? 1 : 0)
  writer.u64(epochMs)
  writer.u32(beats)
  writer.u32(connections)
  writer.str8(name)
  writer.str16(address)
  return writer.toBuffer()
}

/** Total: `newer` is what a later version of the server wrote. */
export function readNodeEntry(value: Buffer): NodeReading {
  try {
    return value[0] !== undefined && value[0] > VERSION ? { kind: 'newer' } : read(value)
  } catch {
    return { kind: 'unreadable' }
  }
}

function read(value: Buffer): NodeReading {
  const reader = new Reader(value)
  const version = reader.u8()
  const isDraining = reader.oneOf([0, 1]) === 1
  const [epochMs, beats, connections] = [reader.u64(), reader.u32(), reader.u32()]
  const [name, address] = [parseNodeId(reader.str8()), reader.str16()]
  reader.end()
  if (version !== VERSION || name === undefined || address === '') return { kind: 'unreadable' }
  return { kind: 'entry', entry: { name, address, epochMs, beats, connections, isDraining } }
}
