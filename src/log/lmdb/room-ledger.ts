/**
 * Where each room stands, kept for the rooms in use: how far it is committed, what the running commit makes of it, and
 * the last seq that was given out. Loaded from the store when asked for; rooms nobody touches leave again.
 */
import { trustedEpoch, type Epoch, type RoomId } from '../../protocol/ids.js'
import { randomSalt, type LogStore } from './log-store.js'
import type { RoomValue } from './store-format.js'

/** Some 250 bytes each. A room in use beyond it costs one read of the store when it is touched again. */
const MAX_IDLE_ROOMS = 20_000
/** For a room to evict, each time one too many is loaded. */
const MAX_LOOKS = 4

export interface RoomState {
  readonly name: RoomId
  readonly salt: number
  /** 0 until the first record. */
  room: number
  /** Of the commit that is being built or runs, else as committed. */
  first: number
  last: number
  bytes: number
  oldestTimeMs: number
  /** What is before it has expired, removed or not. */
  shownFrom: number
  /** What may be read and told: on disk. */
  committed: number
  /** The last seq given out. */
  assigned: number
  /** In the store as of the last commit. */
  isStored: boolean
  /** Part of the running commit. */
  isStaged: boolean
  isDeleted: boolean
}

export class RoomLedger {
  private readonly rooms = new Map<RoomId, RoomState>()
  private newest: RoomState | undefined
  /** Names of rooms that the store still has and that are no more; how often they are being deleted. */
  private readonly deletions = new Map<RoomId, number>()

  constructor(
    private store: LogStore,
    private readonly maxRooms = MAX_IDLE_ROOMS,
  ) {}

  get size(): number {
    return this.rooms.size
  }

  /** Throws if the store cannot be read. */
  stateOf(name: RoomId): RoomState {
    return this.find(name) ?? this.keep(unborn(name, randomSalt()))
  }

  /** As `stateOf`, and makes nothing: `undefined` for a room that is neither here nor in the store. */
  find(name: RoomId): RoomState | undefined {
    const known = this.rooms.get(name)
    if (known !== undefined) {
      this.markNewest(known)
      return known
    }
    const stored = this.deletions.has(name) ? undefined : this.store.room(name)
    return stored === undefined ? undefined : this.keep({ ...unborn(name, stored.salt), ...loaded(stored) })
  }

  /** From here on the name stands for another room, whatever the store says until `deletion` has ended. */
  async delete(state: RoomState, deletion: () => Promise<void>): Promise<void> {
    const { name } = state
    state.isDeleted = true
    this.rooms.delete(name)
    this.newest = undefined
    this.deletions.set(name, (this.deletions.get(name) ?? 0) + 1)
    try {
      await deletion()
    } finally {
      const left = (this.deletions.get(name) ?? 1) - 1
      if (left > 0) this.deletions.set(name, left)
      else this.deletions.delete(name)
    }
  }

  /**
   * Goes on with `store` as the truth: what was given out and not committed never was. Rooms that it does not know keep
   * the epoch that was told.
   */
  restart(store: LogStore): void {
    this.store = store
    this.newest = undefined
    // A copy: who stays is put behind the others, where a walk over the map itself would meet it again and again.
    const known = [...this.rooms.values()]
    for (const { name, salt, isStored, isDeleted } of known) {
      this.rooms.delete(name)
      if (!isStored && !isDeleted) this.rooms.set(name, { ...unborn(name, salt), ...loaded(store.room(name)) })
    }
  }

  epochOf(salt: number): Epoch {
    return trustedEpoch(mixed(this.store.identity.incarnation, salt))
  }

  private keep(state: RoomState): RoomState {
    this.rooms.set(state.name, state)
    this.newest = state
    if (this.rooms.size > this.maxRooms) this.evictOldest()
    return state
  }

  private markNewest(state: RoomState): void {
    if (this.newest === state) return
    this.newest = state
    this.rooms.delete(state.name)
    this.rooms.set(state.name, state)
  }

  /**
   * Looks at a few rooms only, and at others the next time. A room that is not in the store must stay, since its epoch is
   * nowhere else; the server bounds how many rooms there are.
   */
  private evictOldest(): void {
    let looks = 0
    for (const state of this.rooms.values()) {
      this.rooms.delete(state.name)
      if (state.isStored && !state.isStaged && state.assigned === state.committed) return
      this.rooms.set(state.name, state)
      looks += 1
      if (looks === MAX_LOOKS) return
    }
  }
}

const unborn = (name: RoomId, salt: number): RoomState => ({
  name,
  salt,
  room: 0,
  first: 1,
  last: 0,
  bytes: 0,
  oldestTimeMs: 0,
  shownFrom: 1,
  committed: 0,
  assigned: 0,
  isStored: false,
  isStaged: false,
  isDeleted: false,
})

const loaded = (value: RoomValue | undefined): Partial<RoomState> =>
  value === undefined ? {} : { ...value, committed: value.last, assigned: value.last, isStored: true }

const HALF = 2 ** 24

/** Exclusive or of 48 bits. */
const mixed = (left: number, right: number): number =>
  ((Math.floor(left / HALF) ^ Math.floor(right / HALF)) >>> 0) * HALF + (((left % HALF) ^ (right % HALF)) >>> 0)
