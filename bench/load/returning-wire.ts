/**
 * What a client says and hears that loses its connection and comes back, whatever the protocol: bytes in, indexes of
 * messages out. It keeps what it needs to come back, and what it has to say meanwhile; the member owns the sockets.
 */
export interface ReturningWire {
  /** Whether it hears its room on the connection of the moment. */
  readonly isIn: boolean
  /** The server said that it will end this connection, and when to be back, counted from then. */
  readonly slotMs: number | undefined
  /** Publications without an answer; 0 where none is given. */
  readonly unanswered: number
  /** What is wrong with what the server sent, if anything is. */
  readonly fault: string | undefined
  /** There is a new connection; what is to be written first. */
  open(): Buffer
  /** `chunk` is the caller's again afterwards. What it returns is to be sent. */
  read(chunk: Buffer): Buffer | undefined
  /** The connection is gone. */
  lost(): void
  /** What is to be sent now, if anything: while it is not in, a publication waits. */
  publish(index: number): Buffer | undefined
  /** How long its own client would wait now before the next attempt; `activeMs`: how long it was in, `undefined` = never. */
  backoffMs(activeMs: number | undefined): number
}

/** Called for each message of the room, as often as it comes. */
export type Heard = (index: number) => void
