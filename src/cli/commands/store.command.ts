import { join } from 'node:path'
import { writeLine } from '../cli-io.js'
import type { Command, CommandContext } from '../command.js'
import { ExitCode } from '../exit-codes.js'
import { toJsonLine } from '../json-text.js'
import { UsageError } from '../usage-error.js'

export const storeCommand: Command = {
  name: 'store',
  operands: 'backup|restore DIR',
  summary: 'back up the room log, or put a backup in its place; prints JSON',
  options: {
    'data-dir': { value: 'DIR', help: 'the data folder of the server (default: NESTWIRE_DATA_DIR, or data)' },
    replace: { help: 'restore: a room log that is there is moved aside' },
  },
  async run(context) {
    const { args, io } = context
    const [action, directory] = args.take('ACTION', 'DIR')
    if (action !== 'backup' && action !== 'restore') throw new UsageError('say backup DIR or restore DIR')
    if (directory === undefined || directory === '') throw new UsageError('DIR is missing')
    if (action === 'backup' && args.flag('replace')) throw new UsageError('--replace is for restore')
    const done = action === 'backup' ? await backUp(directory, context) : await restore(directory, context)
    writeLine(io.stdout, toJsonLine(done))
    return ExitCode.Ok
  },
}

// LMDB is loaded by this command alone.
async function backUp(backup: string, { args, io, signal }: CommandContext) {
  const { backUpStore } = await import('../../log/lmdb/store-backup.js')
  const log = logFolder(args.text('data-dir'), io.env)
  return { backup, log, bytes: await backUpStore({ folder: log, target: backup, signal }) }
}

async function restore(backup: string, { args, io, signal }: CommandContext) {
  const { restoreStore } = await import('../../log/lmdb/store-restore.js')
  const log = logFolder(args.text('data-dir'), io.env)
  const { bytes, replaced } = await restoreStore({ backup, folder: log, mayReplace: args.flag('replace'), signal })
  return { backup, log, bytes, replaced: replaced ?? null }
}

/** Where the server keeps it. */
const logFolder = (dataDir: string | undefined, env: CommandContext['io']['env']): string =>
  join(dataDir || env['NESTWIRE_DATA_DIR'] || 'data', 'log')
