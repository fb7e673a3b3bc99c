import type { Program, WorkerQuestion, WorkerReply } from '../worker-process.js'

/** The worker's end of a `WorkerProcess`: answers what it is asked until the asking process lets go, then exits. */
export function answerQuestions(program: Program): void {
  const reply = async ({ question, details }: WorkerQuestion): Promise<WorkerReply> => {
    try {
      return { answer: await program[question]?.(details as never) }
    } catch (error) {
      return { failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }
  const send = (message: WorkerReply): void => {
    // Whoever asked may have ended meanwhile; 'disconnect' says so, and is enough.
    process.send?.(message, undefined, undefined, () => undefined)
  }
  process.on('message', (question) => void reply(question as WorkerQuestion).then(send))
  process.on('disconnect', () => process.exit(0))
}
