/** What both services know of each other. */
import { z } from 'zod'

export const StockPattern = {
  /** `Reservation` → `Stock`, or `{ code: 'NOT_ENOUGH', item, left }`. */
  Reserve: 'stock.reserve',
  /** An item → a stream of `Stock`, without end. */
  Watch: 'stock.watch',
  /** An event: `Reservation` of what has come in. */
  Restocked: 'stock.restocked',
} as const

export const Reservation = z.object({ item: z.string().min(1), count: z.int().min(1).max(100) })
export type Reservation = z.output<typeof Reservation>

/** How many of an item are left. */
export interface Stock {
  readonly item: string
  readonly left: number
}
