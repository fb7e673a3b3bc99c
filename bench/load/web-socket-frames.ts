/** A server's WebSocket frames: whole ones, unmasked, of at most 65,535 bytes. */
export interface WebSocketFrame {
  readonly opcode: number
  /** A view; good until the next push. */
  readonly body: Buffer
}

const OPCODE_MASK = 0x0f
const LONG = 126
const [SHORT_HEAD_BYTES, LONG_HEAD_BYTES] = [2, 4]

export class WebSocketFrames {
  private kept = Buffer.alloc(0)

  /** `chunk` is the caller's again afterwards. */
  push(chunk: Buffer): WebSocketFrame[] {
    const bytes = Buffer.concat([this.kept, chunk])
    const frames: WebSocketFrame[] = []
    let at = 0
    for (;;) {
      const start = at + headBytes(bytes, at)
      const end = start + bodyBytes(bytes, at)
      if (end > bytes.length) break
      frames.push({ opcode: (bytes[at] ?? 0) & OPCODE_MASK, body: bytes.subarray(start, end) })
      at = end
    }
    this.kept = bytes.subarray(at)
    return frames
  }
}

const headBytes = (bytes: Buffer, at: number): number => (bytes[at + 1] === LONG ? LONG_HEAD_BYTES : SHORT_HEAD_BYTES)

function bodyBytes(bytes: Buffer, at: number): number {
  const short = bytes[at + 1]
  if (short !== LONG) return short ?? 0
  return bytes.length - at < LONG_HEAD_BYTES ? 0 : bytes.readUInt16BE(at + SHORT_HEAD_BYTES)
}
