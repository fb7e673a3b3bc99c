/** Whom a command believes, and what it shows, where the server speaks TLS. */
import { readFileSync } from 'node:fs'
import type { ClientTls } from '../client/connection-options.js'
import type { Arguments } from './command.js'
import { UsageError } from './usage-error.js'

export const tlsOptions = {
  ca: {
    value: 'FILE',
    help: 'PEM file with the authority of the server (default: those that Node knows); switches TLS on',
  },
  cert: { value: 'FILE', help: 'PEM file with your certificate; without --user and --token it says who you are' },
  key: { value: 'FILE', help: 'PEM file with the key of that certificate' },
} as const

/** `undefined` if nothing is said of it. */
export function tlsChoice(args: Arguments): ClientTls | undefined {
  if ((args.text('cert') === undefined) !== (args.text('key') === undefined)) {
    throw new UsageError('--cert and --key go together')
  }
  const [ca, cert, key] = (['ca', 'cert', 'key'] as const).map((option) => fileOf(args, option))
  if (ca === undefined && cert === undefined) return undefined
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
}

function fileOf(args: Arguments, option: 'ca' | 'cert' | 'key'): Buffer | undefined {
  const path = args.text(option)
  if (path === undefined) return undefined
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new UsageError(`--${option}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
