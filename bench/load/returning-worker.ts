/** A crowd that comes back, in a process of its own. The suites about cuts and restarts ask it. */
import { answerQuestions } from './answer-questions.js'
import { ReturningCrowd, type CrowdOptions, type ReturningReport } from './returning-crowd.js'
import { sourceOf } from './source-address.js'

/** Another address for each attempt: connections that are over hold theirs for a minute. */
const NETWORK = `127.${1 + (process.pid % 200)}`
const NETWORKS = 250

let crowd: ReturningCrowd | undefined

function theCrowd(): ReturningCrowd {
  if (crowd === undefined) throw new Error('nobody has entered')
  return crowd
}

/** Answered when all are in. */
async function enter(options: CrowdOptions): Promise<void> {
  crowd = await ReturningCrowd.enter(options, (client, attempt) => sourceOf(`${NETWORK}.${attempt % NETWORKS}`, client))
}

/** Answered when all rooms have all their messages. */
const flow = ({ everyMs }: { readonly everyMs: number }): Promise<void> => theCrowd().flow(everyMs)

/** Goes on until `endFlow`. */
const beginFlow = ({ everyMs }: { readonly everyMs: number }): void => void theCrowd().flow(everyMs)
const endFlow = (): void => theCrowd().endFlow()

const beginCuts = (habit: { readonly everyMs: number; readonly offlineMs: number }): void => theCrowd().beginCuts(habit)
const endCuts = (): void => theCrowd().endCuts()

/** Answered when everybody is in and has everything, or nothing has happened for `stallMs`. */
const collect = ({ stallMs }: { readonly stallMs: number }): Promise<ReturningReport> => theCrowd().collect(stallMs)

const program = { enter, flow, beginFlow, endFlow, beginCuts, endCuts, collect }
export type ReturningProgram = typeof program
answerQuestions(program)
