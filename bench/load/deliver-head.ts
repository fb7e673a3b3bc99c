/** The head of a DELIVER frame, read in place without its records; one object for all frames, so that nothing is made. */
import { HEADER_BYTES, PREAMBLE_BYTES } from '../../src/protocol/constants.js'

const U64_BYTES = 8

export class DeliverHead {
  /** The seq after which the records come. */
  prev = 0
  /** How many there are. */
  records = 0
  private chunk: Buffer = Buffer.alloc(0)
  private at = 0

  /** False if the head of the frame that begins at `start` is not all there yet. */
  read(chunk: Buffer, start: number): boolean {
    this.chunk = chunk
    this.at = start + HEADER_BYTES + PREAMBLE_BYTES
    this.skipStr8() // room
    const prevAt = this.at + U64_BYTES // after the epoch
    this.at = prevAt + 2 * U64_BYTES // after the time
    const senders = this.varint()
    for (let left = senders; left > 0 && this.at < chunk.length; left -= 1) this.skipStr8()
    this.records = this.varint()
    if (this.at > chunk.length) return false
    this.prev = chunk.readUInt32BE(prevAt) * 2 ** 32 + chunk.readUInt32BE(prevAt + 4)
    return true
  }

  private skipStr8(): void {
    this.at += 1 + (this.chunk[this.at] ?? 0)
  }

  /** Past the end it reads a zero and moves on, so that `at` tells. */
  private varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.chunk[this.at] ?? 0
      this.at += 1
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
}
