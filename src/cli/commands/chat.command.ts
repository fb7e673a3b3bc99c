import type { Command } from '../command.js'
import { ChatSession } from '../chat-session.js'
import { connectOptions, withClient } from '../connecting.js'

export const chatCommand: Command = {
  name: 'chat',
  operands: '',
  summary: 'talk in a room; /help inside tells the rest',
  options: { ...connectOptions, room: { value: 'ROOM', help: 'which; joined if you are not in it' } },
  async run(context) {
    context.args.take()
    const name = context.args.required('room')
    return withClient(context, async (client) => new ChatSession(client, await client.join(name), context).run())
  },
}
