/** Signals of one room: at most once each, in no order with its messages; what came while nobody was connected is gone. */
export interface Signal {
  readonly name: string
  /** The user who sent it. */
  readonly from: string
  /** Byte fields are views, copy to keep; `undefined` if it came without. */
  readonly data: unknown
}

export type SignalListener = (signal: Signal) => void

export class RoomSignals {
  private readonly listeners = new Set<SignalListener>()

  /** Until the returned function is called. */
  listen(listener: SignalListener): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** The body of a `rooms.signal` event of this room. */
  hear(body: object): void {
    if (!('name' in body) || !('from' in body)) return
    const { name, from } = body
    if (typeof name !== 'string' || typeof from !== 'string') return
    const data = 'data' in body ? body.data : undefined
    for (const listener of this.listeners) listener({ name, from, data })
  }
}
