/** Many rooms over the nodes of one cluster, all their members in one worker process; see `talking-rooms.ts` for that end. */
import { WorkerProcess } from '../worker-process.js'
import type { LoadTarget } from './room-load.js'
import type { Talk, TalkingRoomsProgram, TalkReport } from './talking-rooms.js'

export interface RoomsOptions {
  readonly rooms: number
  readonly membersPerRoom: number
}

/** Connections that are over hold their ports for a minute: each load has a network of its own. */
let networks = 0

export class RoomsLoad {
  private readonly worker = new WorkerProcess<TalkingRoomsProgram>('talking-rooms')

  private constructor(private readonly options: RoomsOptions) {}

  static async open(target: LoadTarget, options: RoomsOptions): Promise<RoomsLoad> {
    const load = new RoomsLoad(options)
    const { dialect, port, otherPorts = [], secret = '' } = target
    networks += 1
    const network = `127.${1 + (process.pid % 200)}.${1 + (networks % 250)}`
    try {
      await load.worker.ask('join', { dialect, ports: [port, ...otherPorts], secret, network, ...options })
      return load
    } catch (error) {
      await load.close()
      throw error
    }
  }

  get membersPerRoom(): number {
    return this.options.membersPerRoom
  }

  talk(talk: Talk): Promise<TalkReport> {
    return this.worker.ask('talk', talk)
  }

  async close(): Promise<void> {
    await this.worker.stop()
  }
}
