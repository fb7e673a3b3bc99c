/**
 * Streams of a cluster: made by the first node that starts, checked by all others. What can be changed without loss is
 * brought to the settings; what cannot stops the start. Nothing here needs a server later than 2.9.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Logger } from '@nestjs/common'
import { JetStreamApiError, type JetStreamManager, type StreamConfig, type StreamInfo } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { StartUpError } from '../../config/start-up-error.js'
import { reasonOf } from '../log-fault.js'

/** Error codes of JetStream. */
const NO_SUCH_STREAM = 10_059
const NAME_IN_USE = 10_058
/** Servers that start together have no leader for some seconds, and do not know each other yet. */
const PASSING: ReadonlySet<number> = new Set([10_005, 10_008, 10_009])
const MAX_TRIES = 20
const RETRY_PAUSE_MS = 500

/** What a stream must have been made with; another value would change what was promised about its records. */
const ESSENTIAL = [
  'subjects',
  'republish',
  'retention',
  'storage',
  'num_replicas',
  'max_age',
  'discard',
  'max_bytes',
  'max_msgs',
  'allow_direct',
  'deny_purge',
] as const satisfies readonly (keyof StreamConfig)[]
const ADJUSTABLE = ['max_msgs_per_subject', 'duplicate_window'] as const satisfies readonly (keyof StreamConfig)[]

export type WantedStream = Pick<StreamConfig, (typeof ESSENTIAL)[number] | (typeof ADJUSTABLE)[number]> &
  Partial<StreamConfig> & { readonly name: string }

export interface EnsuredStream {
  readonly info: StreamInfo
  /** How it was found; `undefined`: it has just been made. */
  readonly found: StreamConfig | undefined
}

/** Rejects with `StartUpError`: a stream of that name is another one, or JetStream cannot keep it. */
export async function ensureStream(streams: JetStreamManager['streams'], wanted: WantedStream): Promise<EnsuredStream> {
  return onceReady(wanted.name, async () => {
    const existing = await find(streams, wanted.name)
    return existing === undefined ? make(streams, wanted) : adjust(streams, wanted, existing)
  })
}

/** Does `act` again while the servers have no leader for the stream. Rejects with `StartUpError`. */
export async function onceReady<Result>(stream: string, act: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act()
    } catch (error) {
      if (error instanceof StartUpError) throw error
      if (!isPassing(error) || tries === MAX_TRIES) {
        throw new StartUpError(`stream ${stream} cannot be used: ${reasonOf(error)}`, { cause: error })
      }
    }
    await pause(RETRY_PAUSE_MS)
  }
}

async function find(streams: JetStreamManager['streams'], name: string): Promise<StreamInfo | undefined> {
  try {
    return await streams.info(name)
  } catch (error) {
    if (isApiError(error, NO_SUCH_STREAM)) return undefined
    throw error
  }
}

async function make(streams: JetStreamManager['streams'], wanted: WantedStream): Promise<EnsuredStream> {
  try {
    return { info: await streams.add(wanted), found: undefined }
  } catch (error) {
    // Another node was faster.
    const made = isApiError(error, NAME_IN_USE) ? await find(streams, wanted.name) : undefined
    if (made === undefined) throw error
    return adjust(streams, wanted, made)
  }
}

async function adjust(
  streams: JetStreamManager['streams'],
  wanted: WantedStream,
  existing: StreamInfo,
): Promise<EnsuredStream> {
  const found = existing.config
  for (const key of ESSENTIAL) {
    if (!isSame(existing.config[key], wanted[key])) {
      throw new StartUpError(
        `stream ${wanted.name} has ${key} ${JSON.stringify(existing.config[key])}, not ${JSON.stringify(wanted[key])}`,
      )
    }
  }
  const changes = ADJUSTABLE.filter((key) => existing.config[key] !== wanted[key])
  if (changes.length === 0) return { info: existing, found }
  const said = changes.map((key) => `${key} was ${existing.config[key]} and is ${wanted[key]}`)
  new Logger('RoomLog').warn(`stream ${wanted.name} is changed to the settings of this node: ${said.join(', ')}`)
  const { max_msgs_per_subject, duplicate_window } = wanted
  return { info: await streams.update(wanted.name, { max_msgs_per_subject, duplicate_window }), found }
}

const isApiError = (error: unknown, code: number): boolean => error instanceof JetStreamApiError && error.code === code

const isPassing = (error: unknown): boolean =>
  error instanceof errors.TimeoutError || (error instanceof JetStreamApiError && PASSING.has(error.code))

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one ?? null) === JSON.stringify(other ?? null)
