/**
 * The store of all rooms in one LMDB environment: one tree, one commit at a time, each on disk (fdatasync) before its
 * promise resolves and before anybody can read it. Knows keys and values, no rules.
 *
 * After a failed commit the store is only good for closing: LMDB may refuse everything from then on, and a write begun
 * in that state never ends.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { open, type RootDatabase } from 'lmdb'
import type { RoomId } from '../../protocol/ids.js'
import type { RoomRecord } from '../../protocol/packets.js'
import { textOfKey } from '../state-key.js'
import type { StateEntry, StateKey } from '../state-store.js'
import { DamagedStore, inodeOf, inspectStoreFile } from './store-file.js'
import {
  decodeRecord,
  decodeRoom,
  decodeStore,
  DELETED_END,
  DELETED_START,
  encodeStore,
  formatOfStore,
  IDS_END,
  IDS_START,
  keyOfStateKey,
  nameOfRoomKey,
  numberOfIdsKey,
  recordKey,
  roomKey,
  roomOfDeletedKey,
  ROOMS_END,
  seqOfRecordKey,
  stateKey,
  stateKeysEnd,
  STORE_FORMAT,
  STORE_KEY,
  type RoomValue,
  type StoreValue,
} from './store-format.js'
import type { WriteBatch } from './write-batch.js'

const SALT_BYTES = 6
export const randomSalt = (): number => randomBytes(SALT_BYTES).readUIntBE(0, SALT_BYTES)

/** No file has it. */
const NO_INODE = 0n
const DISOWNING_MAP_BYTES = 64 * 1024 * 1024

interface RecordRange {
  readonly room: number
  /** Both included. */
  readonly from: number
  readonly to: number
}

export interface StoredIds {
  readonly number: number
  readonly value: Buffer
}

/** A record as it lies in the store: `value` is memory of its own. */
interface StoredRecord {
  readonly seq: number
  readonly value: Buffer
}

export class LogStore {
  private constructor(
    private readonly tree: RootDatabase<Buffer, Buffer>,
    /** As of the opening. */
    readonly identity: StoreValue,
  ) {}

  /**
   * Opens the store in `folder`, or makes one. Throws `DamagedStore`, or what the file system says. `mapBytes` of
   * address space are set aside; LMDB takes more when they do not do.
   */
  static async open(folder: string, mapBytes: number): Promise<LogStore> {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const file = inspectStoreFile(folder)
    const isShort = file !== undefined && file.missingBytes > 0
    if (isShort) file.stretch()
    const tree = openTree(folder, mapBytes)
    try {
      if (isShort) readThrough(tree)
      const identity = await identify(tree, inodeOf(folder))
      return new LogStore(tree, identity)
    } catch (error) {
      await tree.close()
      if (isShort) file.shrink()
      throw error
    }
  }

  room(name: RoomId): RoomValue | undefined {
    const value = this.tree.get(roomKey(name))
    return value === undefined ? undefined : decodeRoom(value)
  }

  /** At most `limit` rooms in the order of their names, after `name`. */
  *roomsAfter(name: RoomId | '', limit: number): Iterable<{ readonly name: RoomId; readonly value: RoomValue }> {
    const range = { start: roomKey(name), end: ROOMS_END, exclusiveStart: true, limit }
    for (const { key, value } of this.tree.getRange(range)) {
      yield { name: nameOfRoomKey(key), value: decodeRoom(value) }
    }
  }

  /** At most `limit` deleted rooms whose records may still be there. */
  deletedRooms(limit: number): readonly number[] {
    return Array.from(this.tree.getKeys({ start: DELETED_START, end: DELETED_END, limit }), roomOfDeletedKey)
  }

  /** Ascending. */
  *stored({ room, from, to }: RecordRange): Iterable<StoredRecord> {
    const range = { start: recordKey(room, from), end: recordKey(room, to), inclusiveEnd: true }
    for (const { key, value } of this.tree.getRange(range)) yield { seq: seqOfRecordKey(key), value }
  }

  /** Ascending, or from the newest on. */
  *records({ room, from, to }: RecordRange, order: 'ascending' | 'descending'): Iterable<RoomRecord> {
    const [low, high] = [recordKey(room, from), recordKey(room, to)]
    const range =
      order === 'ascending'
        ? { start: low, end: high, inclusiveEnd: true }
        : { start: high, end: low, inclusiveEnd: true, reverse: true }
    for (const { key, value } of this.tree.getRange(range)) yield decodeRecord(seqOfRecordKey(key), value)
  }

  state(text: string): Buffer | undefined {
    return this.tree.get(stateKey(text))
  }

  /** Entries whose keys begin with `prefix`, from the one behind `after` on. */
  *states(prefix: string, after: StateKey | undefined): Iterable<StateEntry> {
    const start = stateKey(after === undefined ? prefix : textOfKey(after))
    const range = { start, end: stateKeysEnd(prefix), exclusiveStart: after !== undefined }
    for (const { key, value } of this.tree.getRange(range)) yield { key: keyOfStateKey(key), value }
  }

  /** Entries of recent ids, the newest first. */
  *ids(): Iterable<StoredIds> {
    const range = { start: IDS_END, end: IDS_START, reverse: true }
    for (const { key, value } of this.tree.getRange(range)) yield { number: numberOfIdsKey(key), value }
  }

  /** Their numbers, ascending. */
  *idNumbers(): Iterable<number> {
    for (const key of this.tree.getKeys({ start: IDS_START, end: IDS_END })) yield numberOfIdsKey(key)
  }

  /** All of it or nothing; one at a time. Rejects with the cause; nothing may be written afterwards. */
  commit({ keys, values }: WriteBatch): Promise<void> {
    return this.transaction(() => {
      for (const [index, key] of keys.entries()) {
        const value = values[index]
        void (value === undefined ? this.tree.remove(key) : this.tree.put(key, value))
      }
    })
  }

  /** A commit that changes nothing but goes to the disk; only before any other. */
  probe(): Promise<void> {
    return this.transaction(() => void this.tree.put(STORE_KEY, encodeStore(this.identity)))
  }

  close(): Promise<void> {
    return this.tree.close()
  }

  /** Takes the store in `folder`, which nobody has open, from its file: whoever opens it next has another incarnation. */
  static async disown(folder: string): Promise<void> {
    const store = await LogStore.open(folder, DISOWNING_MAP_BYTES)
    try {
      await store.transaction(() => void store.tree.put(STORE_KEY, encodeStore({ ...store.identity, inode: NO_INODE })))
    } finally {
      await store.close()
    }
  }

  private transaction(write: () => void): Promise<void> {
    return transaction(this.tree, write)
  }
}

const TREE_OPTIONS = {
  noSubdir: false,
  encoding: 'binary',
  keyEncoding: 'binary',
  // As fast here as with them, and a record is not visible, and a commit not over, before fdatasync has returned.
  overlappingSync: false,
  eventTurnBatching: false,
  // A commit begins with its second key and not at the end of the tick, which may be a slice of a broadcast away.
  txnStartThreshold: 1,
  batchStartThreshold: 1,
} as const

function openTree(folder: string, mapSize: number): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>(folder, { ...TREE_OPTIONS, mapSize })
}

/** The tree as of one commit, written anew into the folder `target`; others may have it open, and write. */
export async function copyStore(folder: string, target: string, mapSize: number): Promise<void> {
  const tree = open({ path: folder, noSubdir: false, readOnly: true, mapSize })
  try {
    await tree.backup(target, true)
  } finally {
    await tree.close()
  }
}

/** The promise of a batch that fails points to another one with the cause, which nobody else looks at. */
async function transaction(tree: RootDatabase<Buffer, Buffer>, write: () => void): Promise<void> {
  try {
    await tree.batch(write)
  } catch (error) {
    if (!(error instanceof Error && 'commitError' in error)) throw error
    throw await Promise.resolve(error.commitError).catch((cause: unknown) => cause)
  }
}

/** Every page that holds something is looked at; a page that was cut off reads as zeros, which LMDB does not take. */
function readThrough(tree: RootDatabase<Buffer, Buffer>): void {
  try {
    const stats: { readonly entryCount?: number } = tree.getStats()
    if (tree.getCount({ start: STORE_KEY }) === stats.entryCount) return
  } catch (cause) {
    throw new DamagedStore('data.mdb was cut short', { cause })
  }
  throw new DamagedStore('data.mdb was cut short')
}

async function identify(tree: RootDatabase<Buffer, Buffer>, inode: bigint): Promise<StoreValue> {
  const value = tree.get(STORE_KEY)
  if (value !== undefined && formatOfStore(value) !== STORE_FORMAT) {
    throw new DamagedStore(`data.mdb is of format ${formatOfStore(value)}; this version knows ${STORE_FORMAT}`)
  }
  const known = value === undefined ? { nextRoom: 1, bytes: 0, inode: undefined } : decodeStore(value)
  if (known.inode === inode) return known
  // A new store, or one that came back from a copy: what was said after the copy was made must not be taken for its own.
  const { nextRoom, bytes } = known
  const identity: StoreValue = { incarnation: randomSalt(), inode, nextRoom, bytes }
  await transaction(tree, () => void tree.put(STORE_KEY, encodeStore(identity)))
  return identity
}
