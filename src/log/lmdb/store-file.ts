/**
 * What must hold of the files before LMDB may touch them: it maps them into memory, and a file that is no store or is
 * cut short, or a full disk under its lock file, ends the process by a signal where we want a sentence.
 * Whoever calls holds the lock of the folder.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

export class DamagedStore extends Error {
  override readonly name = 'DamagedStore'
}

/** Room for 126 readers: what LMDB would make it. Written, not stretched, so that it has its blocks. */
const LOCK_FILE_BYTES = 16 * 1024
/** Of `stat`, whatever the file system's own are. */
const BLOCK_BYTES = 512

// Of LMDB's data format 2, as lmdb-js 3 writes it: two pages, each with a header and a description of one commit.
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const At = { magic: 24, version: 28, pageSize: 48, lastPage: 144, commit: 152 } as const
const META_BYTES = 160
const FIRST_BYTES = 2 * 4_096

interface StoreFile {
  readonly inode: bigint
  /** Bytes that the last commit counts on and the file does not have. LMDB leaves unused pages at the end unwritten. */
  readonly missingBytes: number
  /** Gives the file its full length, so that nothing beyond its end can be touched, or takes that back. */
  readonly stretch: () => void
  readonly shrink: () => void
}

/** `undefined` if there is no store yet. Throws `DamagedStore`, or what the file system says. */
export function inspectStoreFile(folder: string): StoreFile | undefined {
  makeLockFile(join(folder, 'lock.mdb'))
  const path = join(folder, 'data.mdb')
  if (!existsSync(path) || statSync(path).size === 0) {
    tryFirstPages(path)
    return undefined
  }
  const file = openSync(path, 'r+')
  try {
    const { ino: inode, size } = fstatSync(file, { bigint: true })
    const neededBytes = lengthOf(file)
    const resize = (bytes: number) => (): void => withFile(path, (fd) => ftruncateSync(fd, bytes))
    const missingBytes = Math.max(0, neededBytes - Number(size))
    return { inode, missingBytes, stretch: resize(neededBytes), shrink: resize(Number(size)) }
  } finally {
    closeSync(file)
  }
}

/** One that is whole stays: a backup that runs while the server restarts has its place in it. */
function makeLockFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  const bytes = found === undefined ? 0 : Math.min(found.size, found.blocks * BLOCK_BYTES)
  if (bytes < LOCK_FILE_BYTES) writeFileSync(path, Buffer.alloc(LOCK_FILE_BYTES), { mode: 0o600 })
}

/** A new store of which LMDB cannot write the first two pages ends the process by a signal. */
function tryFirstPages(path: string): void {
  const file = openSync(path, 'w', 0o600)
  try {
    for (let at = 0; at < FIRST_BYTES;) at += writeSync(file, Buffer.alloc(FIRST_BYTES - at), 0, FIRST_BYTES - at, at)
    ftruncateSync(file)
  } finally {
    closeSync(file)
  }
}

export const inodeOf = (folder: string): bigint =>
  withFile(join(folder, 'data.mdb'), (file) => fstatSync(file, { bigint: true }).ino)

/** By the newer of the two descriptions. */
function lengthOf(file: number): number {
  const first = readMeta(file, 0)
  const second = readMeta(file, first.readUInt32LE(At.pageSize))
  const newer = first.readBigUInt64LE(At.commit) > second.readBigUInt64LE(At.commit) ? first : second
  return (Number(newer.readBigUInt64LE(At.lastPage)) + 1) * newer.readUInt32LE(At.pageSize)
}

function readMeta(file: number, position: number): Buffer {
  const meta = Buffer.alloc(META_BYTES)
  const read = readSync(file, meta, 0, META_BYTES, position)
  if (read < META_BYTES || meta.readUInt32LE(At.magic) !== MAGIC) throw new DamagedStore('data.mdb is no store')
  const version = meta.readUInt16LE(At.version)
  if (version !== DATA_VERSION) throw new DamagedStore(`data.mdb is of LMDB format ${version}, not ${DATA_VERSION}`)
  return meta
}

function withFile<T>(path: string, use: (file: number) => T): T {
  const file = openSync(path, 'r+')
  try {
    return use(file)
  } finally {
    closeSync(file)
  }
}
