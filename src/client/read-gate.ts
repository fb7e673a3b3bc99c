/**
 * Decides whether a connection reads. It stops while some reader's queue is full, but never while somebody waits for an
 * answer: a loop that publishes for each item would otherwise wait for an ACK that is never read.
 */
export class ReadGate {
  private readonly full = new Set<object>()
  private awaited = 0
  private isShut = false

  constructor(private readonly onChange: (isShut: boolean) => void) {}

  hold(queue: object): void {
    this.full.add(queue)
    this.update()
  }
  release(queue: object): void {
    if (this.full.delete(queue)) this.update()
  }
  /** Somebody began to wait for an answer. */
  await(): void {
    this.awaited += 1
    if (this.isShut) this.update()
  }
  /** The answer came, or will not. */
  settle(): void {
    this.awaited -= 1
    if (this.full.size > 0) this.update()
  }

  private update(): void {
    const isShut = this.full.size > 0 && this.awaited === 0
    if (isShut === this.isShut) return
    this.isShut = isShut
    this.onChange(isShut)
  }
}
