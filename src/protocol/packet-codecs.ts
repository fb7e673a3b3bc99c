import { callCodecs } from './call-codecs.js'
import { controlCodecs } from './control-codecs.js'
import { deliverCodec } from './deliver-codec.js'
import { handshakeCodecs } from './handshake-codecs.js'
import type { PacketCodecs } from './packet-codec.js'
import { roomCodecs } from './room-codecs.js'

/** All of protocol v1; a packet without a codec does not compile. */
export const packetCodecs: PacketCodecs = {
  ...handshakeCodecs,
  ...controlCodecs,
  ...callCodecs,
  ...roomCodecs,
  deliver: deliverCodec,
}
