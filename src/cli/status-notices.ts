import type { ConnectionStatus } from '../client/connection-keeper.js'
import { writeLine, type CliIo } from './cli-io.js'

/** Says once on stderr that the connection is lost, and once that it is back. */
export function statusNotices({ stderr }: CliIo): (status: ConnectionStatus) => void {
  return (status) => {
    if (status === 'reconnecting') writeLine(stderr, 'nestwire: the connection is lost, trying again')
    if (status === 'connected') writeLine(stderr, 'nestwire: connected again')
  }
}
