/** MessagePack bodies, by our codec, by msgpackr and as JSON. */
import { Packr } from 'msgpackr'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { repeated, type CodecCase } from './work.js'

/** About 100 bytes: the payload of an ordinary call. */
export const smallBody = { data: [1, 2, 3, 4, 5], text: 'x'.repeat(64) }

/** About 16 KiB: a page of history. */
const largeBody = {
  room: 'engineering',
  records: Array.from({ length: 128 }, (_, at) => ({
    seq: 70_000 + at,
    timeMs: 1_790_000_000_000 + at * 317,
    sender: `user-${at % 8}`,
    isText: at % 16 !== 0,
    text: 'the quick brown fox jumps over the lazy dog, and the dog is fine'.slice(at % 20),
  })),
}

const packr = new Packr({ useRecords: false })

/** A body as somebody writes and reads it. */
interface BodyCodec {
  encode(value: unknown): Buffer
  decode(body: Buffer): unknown
}

const codecs: Readonly<Record<string, BodyCodec>> = {
  nestwire: { encode: encodeBody, decode: decodeBody },
  msgpackr: { encode: (value) => packr.pack(value), decode: (body) => packr.unpack(body) },
  json: { encode: (value) => Buffer.from(JSON.stringify(value)), decode: (body) => JSON.parse(body.toString()) },
}

export const bodyCases: readonly CodecCase[] = [
  ...casesOf('100-bytes', smallBody, 500),
  ...casesOf('16-kib', largeBody, 5),
]

function casesOf(size: string, value: unknown, units: number): CodecCase[] {
  const encoding = Object.entries(codecs).map(([name, codec]) => [name, repeated(units, () => codec.encode(value))])
  const decoding = Object.entries(codecs).map(([name, codec]) => {
    const body = Buffer.from(codec.encode(value))
    return [name, repeated(units, () => codec.decode(body))]
  })
  return [
    { name: `encode-body-${size}`, figure: 'nsPerBody', contestants: Object.fromEntries(encoding) },
    { name: `decode-body-${size}`, figure: 'nsPerBody', contestants: Object.fromEntries(decoding) },
  ]
}
