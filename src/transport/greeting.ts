/** HELLO → WELCOME: what both sides will speak, and what this server allows. */
import { CloseCode } from '../protocol/close-codes.js'
import { encodePacket } from '../protocol/encode-packet.js'
import { negotiateVersion } from '../protocol/handshake.js'
import type { ConnectionId } from '../protocol/ids.js'
import type { Hello } from '../protocol/packets.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import type { ConnectionHost } from './connection-host.js'
import { wireLimits } from './transport-limits.js'

interface Greeting {
  /** Bits of `Feature` that both sides will use. */
  readonly features: number
  /** The whole WELCOME frame. */
  readonly frame: Buffer
}

/** @throws ProtocolError NO_COMMON_VERSION */
export function greet(
  hello: Hello,
  connection: ConnectionId,
  { authentication, limits, offeredFeatures }: Pick<ConnectionHost, 'authentication' | 'limits' | 'offeredFeatures'>,
): Greeting {
  const version = negotiateVersion(hello)
  if (version === undefined) {
    throw new ProtocolError(CloseCode.NoCommonVersion, `versions ${hello.minVersion} to ${hello.maxVersion}`)
  }
  const features = hello.features & offeredFeatures
  const wire = wireLimits(limits.current)
  const frame = encodePacket({ kind: 'welcome', version, features, authentication, connection, limits: wire })
  return { features, frame }
}
