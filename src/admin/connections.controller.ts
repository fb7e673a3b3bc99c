import { Controller, Get, Inject, Query, UseGuards } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { BackpressureRouter } from '../delivery/backpressure-router.js'
import type { ConnectionId, UserId } from '../protocol/ids.js'
import { SessionsService } from '../sessions/sessions.service.js'
import type { Role } from '../transport/authentication.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireServer } from '../transport/nestwire-server.js'
import type { RecentClose } from '../transport/recent-closes.js'
import { AdminGuard } from './admin.guard.js'
import { measureFrom, topFrom } from './query.js'
import { topOf } from './top-of.js'

interface ConnectionView {
  readonly id: ConnectionId
  /** `null`, like `role`: nobody is logged in. */
  readonly user: UserId | null
  readonly role: Role | null
  readonly address: string
  readonly ageMs: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Frames that came, of any kind. */
  readonly messages: number
  /** Bytes that it was sent and has not confirmed, or that wait to be sent. */
  readonly lag: number
  /** Rooms that it hears. */
  readonly rooms: number
  /** The server does not read it now. */
  readonly isHeld: boolean
}

interface SlowView extends ConnectionView {
  /** Rooms in which it reads on from the log, */
  readonly roomsBehind: number
  /** and the records that are still before it there. */
  readonly recordsBehind: number
}

type Measure = (connection: ConnectionHandle) => number

const measures: Readonly<Record<'bytesOut' | 'bytesIn' | 'messages' | 'lag' | 'age', Measure>> = {
  bytesOut: ({ figures }) => figures.bytesOut,
  bytesIn: ({ figures }) => figures.bytesIn,
  messages: ({ figures }) => figures.framesIn,
  lag: ({ figures }) => figures.waitingBytes,
  age: ({ figures }) => -figures.openedAtMs,
}

/** Who does most, who is slow, and who has gone; of this node. */
@Controller('admin')
@UseGuards(AdminGuard)
export class ConnectionsController {
  constructor(
    private readonly server: NestwireServer,
    private readonly router: BackpressureRouter,
    private readonly sessions: SessionsService,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'uptimeMs'>,
  ) {}

  /** The first `top` by `by`: bytesOut, bytesIn, messages, lag or age. */
  @Get('connections')
  async connections(
    @Query('top') top?: string,
    @Query('by') by?: string,
  ): Promise<{ readonly total: number; readonly connections: readonly ConnectionView[] }> {
    const ranking = { limit: topFrom(top), measure: measureFrom(measures, by) }
    const found = await topOf(this.server.connections, ranking)
    return { total: this.server.connectionCount, connections: found.map((connection) => this.view(connection)) }
  }

  /** The `top` that are farthest behind, by records. */
  @Get('slow')
  async slow(
    @Query('top') top?: string,
  ): Promise<{ readonly total: number; readonly connections: readonly SlowView[] }> {
    const found = await topOf(this.router.laggards(), { limit: topFrom(top), measure: ({ records }) => records })
    const connections = found.map(({ connection, rooms: roomsBehind, records: recordsBehind }) => {
      return { ...this.view(connection), roomsBehind, recordsBehind }
    })
    return { total: this.router.laggingConnections, connections }
  }

  /** The last `top` ends, newest first. */
  @Get('closes')
  closes(@Query('top') top?: string): { readonly closes: readonly RecentClose[] } {
    return { closes: this.server.recentCloses.latest(topFrom(top)) }
  }

  private view(connection: ConnectionHandle): ConnectionView {
    const { id, principal, remoteAddress: address, figures } = connection
    const { bytesIn, bytesOut, framesIn, waitingBytes, openedAtMs, isHeld } = figures
    return {
      id,
      user: principal?.user ?? null,
      role: principal?.role ?? null,
      address,
      ageMs: this.clock.uptimeMs() - openedAtMs,
      bytesIn,
      bytesOut,
      messages: framesIn,
      lag: waitingBytes,
      rooms: this.sessions.ofConnection(connection)?.rooms.size ?? 0,
      isHeld,
    }
  }
}
