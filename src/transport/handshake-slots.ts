/**
 * Who shakes hands and who waits for it. The places are shared among parties: all entrants from one address, or one entrant for
 * whom nobody counts by address. While there is room everybody gets in, however many of one party. When there is none, the
 * party that holds the most gives way: to one that waits and holds at least two fewer at once, so that no two give way to each
 * other in turn; to anybody if what it holds longest takes too long. Of those who wait the party that holds the fewest is
 * next, among equals the one that has waited longest. Each step takes as many looks as there are different numbers held:
 * 33 at most for 512 places. Pure, and bounded by its entrants.
 */

/** Who shakes hands longer than this gives way when there is no room for others. */
export const PATIENCE_MS = 1_000

export interface Turn<Entrant> {
  readonly begins: Entrant
  /** Has to leave first. */
  readonly givesWay?: { readonly entrant: Entrant; readonly why: 'tooSlow' | 'holdsMost' }
}

/** Both oldest first; of who shakes hands, since when. */
interface Party<Entrant> {
  readonly key: string | undefined
  readonly waiting: Set<Entrant>
  readonly shaking: Map<Entrant, number>
}

export class HandshakeSlots<Entrant> {
  private readonly partyOf = new Map<Entrant, Party<Entrant>>()
  /** By key; who has none is in `partyOf` alone. */
  private readonly parties = new Map<string, Party<Entrant>>()
  private readonly waiting = new PartiesByHeld<Party<Entrant>>()
  private readonly holding = new PartiesByHeld<Party<Entrant>>()
  private heldCount = 0

  get held(): number {
    return this.heldCount
  }

  get isAnyoneWaiting(): boolean {
    return !this.waiting.isEmpty
  }

  isShaking(entrant: Entrant): boolean {
    return this.partyOf.get(entrant)?.shaking.has(entrant) ?? false
  }

  /** `key`: `undefined` for somebody who is a party alone. */
  wait(entrant: Entrant, key: string | undefined): void {
    const party = (key === undefined ? undefined : this.parties.get(key)) ?? newParty<Entrant>(key)
    if (key !== undefined) this.parties.set(key, party)
    this.partyOf.set(entrant, party)
    party.waiting.add(entrant)
    this.waiting.add(party)
  }

  /** `undefined`: nobody waits, or nobody has to give way yet. */
  next(maxHeld: number, nowMs: number): Turn<Entrant> | undefined {
    const fewest = this.waiting.least()
    const [begins] = fewest?.waiting ?? []
    if (fewest === undefined || begins === undefined) return undefined
    if (this.heldCount < maxHeld) return { begins }
    const most = this.holding.most()
    const [oldest] = most?.shaking ?? []
    if (most === undefined || oldest === undefined) return undefined
    const [entrant, sinceMs] = oldest
    if (most.shaking.size >= fewest.shaking.size + 2) return { begins, givesWay: { entrant, why: 'holdsMost' } }
    return nowMs - sinceMs < PATIENCE_MS ? undefined : { begins, givesWay: { entrant, why: 'tooSlow' } }
  }

  begin(entrant: Entrant, nowMs: number): void {
    const party = this.partyOf.get(entrant)
    if (party?.waiting.delete(entrant) !== true) return
    this.changeHeld(party, () => void party.shaking.set(entrant, nowMs))
  }

  /** Idempotent. */
  leave(entrant: Entrant): void {
    const party = this.partyOf.get(entrant)
    if (party === undefined) return
    this.partyOf.delete(entrant)
    if (!party.waiting.delete(entrant)) this.changeHeld(party, () => void party.shaking.delete(entrant))
    else if (party.waiting.size === 0) this.waiting.delete(party)
    if (party.key !== undefined && party.waiting.size + party.shaking.size === 0) this.parties.delete(party.key)
  }

  private changeHeld(party: Party<Entrant>, change: () => void): void {
    this.waiting.delete(party)
    this.holding.delete(party)
    this.heldCount -= party.shaking.size
    change()
    this.heldCount += party.shaking.size
    if (party.waiting.size > 0) this.waiting.add(party)
    if (party.shaking.size > 0) this.holding.add(party)
  }
}

/** Taken out before what a party holds changes, and put in again behind others that hold as many. */
class PartiesByHeld<P extends { readonly shaking: { readonly size: number } }> {
  private readonly byHeld = new Map<number, Set<P>>()

  get isEmpty(): boolean {
    return this.byHeld.size === 0
  }

  /** One that is in it keeps its place. */
  add(party: P): void {
    const held = party.shaking.size
    const equals = this.byHeld.get(held) ?? new Set()
    this.byHeld.set(held, equals.add(party))
  }

  delete(party: P): void {
    const held = party.shaking.size
    const equals = this.byHeld.get(held)
    equals?.delete(party)
    if (equals?.size === 0) this.byHeld.delete(held)
  }

  least(): P | undefined {
    return this.firstOf(Math.min(...this.byHeld.keys()))
  }

  most(): P | undefined {
    return this.firstOf(Math.max(...this.byHeld.keys()))
  }

  private firstOf(held: number): P | undefined {
    const [first] = this.byHeld.get(held) ?? []
    return first
  }
}

const newParty = <Entrant>(key: string | undefined): Party<Entrant> => {
  return { key, waiting: new Set(), shaking: new Map() }
}
