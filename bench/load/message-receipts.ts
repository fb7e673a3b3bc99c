import { monotonicMs } from './monotonic-ms.js'

/** Whether all members of a process have a message, and when the last of them got it. */
export interface Receipt {
  readonly isComplete: boolean
  readonly lastAtMs: number
}

export class MessageReceipts {
  private readonly counts: Uint32Array
  private readonly lastAtMs: Float64Array
  private awaited: { readonly index: number; settle(): void } | undefined

  constructor(
    messages: number,
    private readonly members: number,
  ) {
    this.counts = new Uint32Array(messages)
    this.lastAtMs = new Float64Array(messages)
  }

  add(index: number): void {
    const members = (this.counts[index] ?? 0) + 1
    this.counts[index] = members
    this.lastAtMs[index] = monotonicMs()
    if (members === this.members && this.awaited?.index === index) this.awaited.settle()
  }

  /** Settles when every member has the message, or after `timeoutMs` without. */
  whenAll(index: number, timeoutMs: number): Promise<Receipt> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.awaited = undefined
        resolve({ isComplete: this.counts[index] === this.members, lastAtMs: this.lastAtMs[index] ?? 0 })
      }
      const timer = setTimeout(settle, timeoutMs)
      this.awaited = { index, settle }
      if (this.counts[index] === this.members) settle()
    })
  }
}
