import type { Command } from '../command.js'
import { ExitCode } from '../exit-codes.js'

export const serveCommand: Command = {
  name: 'serve',
  operands: '',
  summary: 'run the server; settings come from NESTWIRE_… variables and .env',
  options: {},
  async run({ args }) {
    args.take()
    // The only command that loads the server: the others start in a tenth of the time without it.
    const { serve } = await import('../../serve.js')
    await serve()
    return ExitCode.Ok
  },
}
