import { writeLine } from '../cli-io.js'
import type { Command } from '../command.js'
import { connectOptions, withClient } from '../connecting.js'
import { ExitCode } from '../exit-codes.js'
import { toJsonLine } from '../json-text.js'
import { statusNotices } from '../status-notices.js'
import { UsageError } from '../usage-error.js'

/** For the answer, over lost connections; then nobody knows. */
const PATIENCE_MS = 60_000

export const sendCommand: Command = {
  name: 'send',
  operands: 'TEXT',
  summary: 'post one message; prints {"room","seq","timeMs"}',
  options: { ...connectOptions, room: { value: 'ROOM', help: 'where; joined if you are not in it' } },
  async run(context) {
    const { args, io } = context
    const name = args.required('room')
    const [text] = args.take('TEXT')
    if (text === undefined) throw new UsageError('TEXT is missing')
    await withClient(context, async (client) => {
      client.onStatus(statusNotices(io))
      const room = await client.join(name, { deadlineMs: PATIENCE_MS })
      const { seq, timeMs } = await room.publish(text, { deadlineMs: PATIENCE_MS })
      writeLine(io.stdout, toJsonLine({ room: name, seq, timeMs }))
    })
    return ExitCode.Ok
  },
}
