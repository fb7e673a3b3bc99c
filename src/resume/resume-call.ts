import type { RoomPosition } from '../protocol/packets.js'

/** What a RESUME carried; was checked when the packet was decoded. Nothing else can be one. */
export class ResumeCall {
  constructor(
    readonly redirects: number,
    readonly ticket: Buffer,
    readonly positions: readonly RoomPosition[],
  ) {}
}
