/** Decodes all that one member gets, and checks that the texts are the publications, none twice and in order. */
import { MAX_FRAME_BYTES_CEILING } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { MESSAGE_BYTES } from './numbered-message.js'
import { numberOfPublication } from './publication.js'

export class BodyJudge {
  fault: string | undefined
  private readonly decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
  private expected = 0

  read(chunk: Buffer): void {
    this.decoder.push(Buffer.from(chunk))
    for (let frame = this.decoder.next(); frame !== undefined; frame = this.decoder.next()) {
      const packet = decodePacket(frame)
      if (packet.kind !== 'deliver') continue
      for (const { kind, body } of packet.records) if (kind === RecordKind.Text) this.judge(body)
    }
  }

  restart(): void {
    this.expected = 0
  }

  private judge(body: Buffer): void {
    const number = body.length === MESSAGE_BYTES ? numberOfPublication(body) : NaN
    // One that the server refused leaves a hole; that none is lost is a matter of counting.
    if (!(number >= this.expected)) this.fault ??= `message ${number} came where ${this.expected} was due`
    this.expected = number + 1
  }
}
