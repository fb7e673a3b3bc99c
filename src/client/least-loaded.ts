/** Which connection takes the next call. Pure. */

export interface Loaded {
  /** What it carries already, in calls. */
  readonly load: number
  /** False: it has as many requests in flight as its server takes, much that waits to be written, or it is over. */
  readonly hasRoom: boolean
}

/** The first of those with the least load; `undefined` if none has room. */
export function leastLoaded<Member extends Loaded>(members: readonly Member[]): Member | undefined {
  let best: Member | undefined
  for (const member of members) {
    if (member.hasRoom && (best === undefined || member.load < best.load)) best = member
  }
  return best
}
