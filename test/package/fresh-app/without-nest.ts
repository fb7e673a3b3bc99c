/** An app of that user that has no Nest: speaks to the same service through `nestwire/client`. */
import { connect, type ConnectionStatus } from 'nestwire/client'
import { decodeBody, decodePacket, encodeBody, encodePacket, FrameDecoder } from 'nestwire/protocol'

const client = await connect({ port: Number(process.argv[2]) })
const status: ConnectionStatus = client.status
const sum = await client.request('sum', { a: 20, b: 22 })
await client.close()

const decoder = new FrameDecoder(1024)
decoder.push(encodePacket({ kind: 'reply', correlation: 1, body: encodeBody('wire') }))
const frame = decoder.next()
const packet = frame && decodePacket(frame)
const carried = packet?.kind === 'reply' ? decodeBody(packet.body) : undefined
console.log(JSON.stringify([status, sum, carried]))
