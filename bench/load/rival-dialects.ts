/** How a client of each rival enters the one room (of Socket.IO, the room that is named), publishes to it, and what one delivery weighs. */
import { MESSAGE_BYTES } from './numbered-message.js'

export interface RivalDialect {
  /** Each is sent when what came since the one before contains that one's `until`; after the last, one is in. */
  steps(member: number, room: string): readonly { readonly send: Buffer; readonly until?: string }[]
  readonly publication: Buffer
  readonly delivery: Buffer
  /** What the server asks of an idle client before anything is measured, and the answer. */
  readonly ping?: { readonly ask: string; readonly answer: Buffer; readonly afterMs: number }
}

const TEXT = 'x'.repeat(MESSAGE_BYTES)
const BODY = Buffer.from(TEXT)

/** The published header: magic, version, type (1 control, 2 data), length. The C floor, `node:net` and Tokio speak it. */
function framed(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(16)
  for (const [at, field] of [0xdeadbeef, 1, type, body.length].entries()) header.writeUInt32BE(field, at * 4)
  return Buffer.concat([header, body])
}

/** `isMasked` as clients must: the mask is zero, which leaves the body as it is. */
export function webSocketFrame(opcode: number, body: Buffer, isMasked: boolean): Buffer {
  const maskBit = isMasked ? 0x80 : 0
  const length = body.length < 126 ? [maskBit | body.length] : [maskBit | 126, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.of(0x80 | opcode, ...length), Buffer.alloc(isMasked ? 4 : 0), body])
}
export const [TEXT_FRAME, BINARY_FRAME, CLOSE_FRAME] = [1, 2, 8]

export const upgrade = (path: string): Buffer =>
  Buffer.from(
    [
      `GET ${path} HTTP/1.1`,
      'Host: localhost',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      '\r\n',
    ].join('\r\n'),
  )

const MQTT_TOPIC = Buffer.from('\0\x04room')
const MQTT_SUBSCRIBE = Buffer.concat([Buffer.of(0x82, 9, 0, 1), MQTT_TOPIC, Buffer.of(0)])
const MQTT_PUBLISH = Buffer.concat([Buffer.of(0x30, MQTT_TOPIC.length + MESSAGE_BYTES), MQTT_TOPIC, BODY])

/** MQTT 3.1.1, a clean session without keep-alive. */
function mqttConnect(client: string): Buffer {
  const head = Buffer.from([0x10, 12 + client.length, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 0, 0, client.length])
  return Buffer.concat([head, Buffer.from(client)])
}

const SOCKET_IO_EVENT = Buffer.from(`42["m","${TEXT}"]`)
export const HTTP_END = '\r\n\r\n'

export const rivalDialects = {
  framed: {
    steps: (member) => [{ send: framed(1, Buffer.from(`user-${member}`)) }],
    publication: framed(2, BODY),
    delivery: framed(2, BODY),
  },
  nats: {
    steps: () => [
      { send: Buffer.from('CONNECT {"verbose":false,"pedantic":false}\r\nSUB room 1\r\nPING\r\n'), until: 'PONG\r\n' },
    ],
    publication: Buffer.from(`PUB room ${MESSAGE_BYTES}\r\n${TEXT}\r\n`),
    delivery: Buffer.from(`MSG room 1 ${MESSAGE_BYTES}\r\n${TEXT}\r\n`),
    ping: { ask: 'PING\r\n', answer: Buffer.from('PONG\r\n'), afterMs: 2_500 },
  },
  ws: {
    steps: () => [{ send: upgrade('/'), until: HTTP_END }],
    publication: webSocketFrame(BINARY_FRAME, BODY, true),
    delivery: webSocketFrame(BINARY_FRAME, BODY, false),
  },
  'socket.io': {
    steps: (_, room) => [
      { send: upgrade(`/socket.io/?EIO=4&transport=websocket&room=${room}`), until: HTTP_END },
      { send: webSocketFrame(TEXT_FRAME, Buffer.from('40'), true), until: '40{' },
    ],
    publication: webSocketFrame(TEXT_FRAME, SOCKET_IO_EVENT, true),
    delivery: webSocketFrame(TEXT_FRAME, SOCKET_IO_EVENT, false),
  },
  mqtt: {
    // SUBACK for packet 1
    steps: (member) => [
      { send: Buffer.concat([mqttConnect(`member-${member}`), MQTT_SUBSCRIBE]), until: '\x90\x03\0\x01' },
    ],
    publication: MQTT_PUBLISH,
    delivery: MQTT_PUBLISH,
  },
} as const satisfies Record<string, RivalDialect>

export type RivalDialectName = keyof typeof rivalDialects
