import type { RoomItem } from '../../client/room-items.js'
import type { Room } from '../../client/room.js'
import { writeLine } from '../cli-io.js'
import type { Command, CommandContext } from '../command.js'
import { connectOptions, withClient } from '../connecting.js'
import { ExitCode } from '../exit-codes.js'
import { paintFor } from '../paint.js'
import { humanLine, jsonLine, removalNote } from '../room-lines.js'
import { statusNotices } from '../status-notices.js'

export const tailCommand: Command = {
  name: 'tail',
  operands: '',
  summary: 'follow a room; joins it if you are not in it',
  options: {
    ...connectOptions,
    room: { value: 'ROOM', help: 'which' },
    after: { value: 'SEQ', help: 'start with what came after this seq (default: with what comes now)' },
    count: { value: 'N', help: 'end after so many records' },
    json: { help: 'a JSON object a line, also for gaps' },
  },
  async run(context) {
    const { args, io } = context
    args.take()
    const name = args.required('room')
    const after = args.wholeNumber('after')
    const count = args.wholeNumber('count') ?? Infinity
    return withClient(context, async (client) => {
      client.onStatus(statusNotices(io))
      const room = await client.join(name, after === undefined ? {} : { after })
      await printItems(room, count, context)
      const removal = removalNote(room.endReason)
      if (removal === undefined) return ExitCode.Ok
      writeLine(io.stderr, `nestwire: ${removal}`)
      return ExitCode.NotAllowed
    })
  },
}

async function printItems(room: Room, count: number, { args, io }: CommandContext): Promise<void> {
  const style = { paint: paintFor(io), self: undefined }
  const line = (item: RoomItem): string => (args.flag('json') ? jsonLine(room.name, item) : humanLine(item, style))
  let records = 0
  if (count === 0) return
  for await (const item of room) {
    writeLine(io.stdout, line(item))
    if (item.kind !== 'gap') records += 1
    if (records >= count) return
  }
}
