/** Messages of the high lane that found it full, in the order in which they came. Counts them; the router bounds them. */
import type { AdmissionVerdict } from './admission.js'

export type Admitted = Extract<AdmissionVerdict, { kind: 'admitted' }>

interface Waiting {
  readonly bytes: number
  readonly resolve: (admitted: Admitted) => void
}

export class WaitingLine {
  private readonly waiting: Waiting[] = []
  private heldBytes = 0

  get isEmpty(): boolean {
    return this.waiting.length === 0
  }

  get bytes(): number {
    return this.heldBytes
  }

  /** Resolves when `serve` lets it in. */
  join(bytes: number): Promise<Admitted> {
    this.heldBytes += bytes
    return new Promise((resolve) => this.waiting.push({ bytes, resolve }))
  }

  /** From the first on, until one must wait on: whatever would fit in between, order is order. */
  serve(admit: (bytes: number) => AdmissionVerdict): void {
    for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) {
      const verdict = admit(first.bytes)
      if (verdict.kind !== 'admitted') return
      this.waiting.shift()
      this.heldBytes -= first.bytes
      first.resolve(verdict)
    }
  }
}
