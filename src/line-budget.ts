/**
 * How many lines of one kind may be written in one stretch of time; the others are counted. Pure: whoever owns it says
 * when a stretch is over.
 */
const MAX_KINDS = 256
/** Shared by all kinds beyond that many, so that memory stays bounded whoever chooses the kinds. */
const OTHER = 'other'

export class LineBudget {
  private readonly lines = new Map<string, number>()

  constructor(private readonly maxLines: number) {}

  /** True: write it. False: it is counted instead. */
  admits(kind: string): boolean {
    const key = this.lines.has(kind) || this.lines.size < MAX_KINDS ? kind : OTHER
    const lines = (this.lines.get(key) ?? 0) + 1
    this.lines.set(key, lines)
    return lines <= this.maxLines
  }

  /** Begins the next stretch. Returns each kind of which lines were left out, and how many. */
  next(): readonly (readonly [kind: string, leftOut: number])[] {
    const leftOut = [...this.lines].flatMap(([kind, lines]) =>
      lines > this.maxLines ? [[kind, lines - this.maxLines] as const] : [],
    )
    this.lines.clear()
    return leftOut
  }
}
