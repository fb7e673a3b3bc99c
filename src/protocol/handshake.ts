import { PROTOCOL_VERSION } from './constants.js'
import type { Hello } from './packets.js'

/** The newest version both sides speak, or `undefined`. */
export function negotiateVersion(hello: Hello, newest: number = PROTOCOL_VERSION, oldest = 1): number | undefined {
  const version = Math.min(hello.maxVersion, newest)
  return version >= Math.max(hello.minVersion, oldest) ? version : undefined
}
