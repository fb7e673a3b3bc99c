/** What one member says and hears, whatever the protocol: bytes in, messages counted. The load generator owns the sockets. */
export interface RoomWire {
  /** What is written as soon as there is a connection. */
  readonly greeting: Buffer
  readonly isJoined: boolean
  /** Messages of the room since `restart`. */
  readonly messages: number
  /** Publications since `restart` that the server would not take. */
  readonly refusals: number
  /** What is wrong with what the server sent, if anything is. */
  readonly fault: string | undefined
  /** Takes what was read; `chunk` is the caller's again afterwards. What it returns is to be sent. */
  read(chunk: Buffer): Buffer | undefined
  /** Counts from 0 again; nothing may be under way. */
  restart(): void
  /** A publication of `MESSAGE_BYTES`; `number` counts them since `restart`. */
  publication(number: number): Buffer
}
