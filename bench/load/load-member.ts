/** One raw socket of the load generator: reads into a buffer that all share, and lets its wire make sense of it. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { RoomWire } from './room-wire.js'
import type { SourceAddress } from './source-address.js'

export interface LoadMemberOptions {
  readonly port: number
  readonly source: SourceAddress
  /** Whom to trust, where the server speaks TLS. */
  readonly ca?: string | undefined
  readonly wire: RoomWire
  /** It heard something: `messages` new ones. */
  readonly heard: (member: LoadMember, messages: number) => void
}

/** Nobody keeps a view of it. */
const shared = Buffer.alloc(256 * 1024)

export class LoadMember {
  readonly wire: RoomWire
  /** Why it is out of the room, if it is. */
  gone: string | undefined
  private readonly socket: Socket
  private settle: { resolve(): void; reject(error: Error): void } | undefined

  constructor(private readonly options: LoadMemberOptions) {
    const { port, source, ca, wire } = options
    this.wire = wire
    const callback = (bytes: number): boolean => {
      this.read(shared.subarray(0, bytes))
      return true
    }
    const how = { host: '127.0.0.1', port, ...source, noDelay: true, onread: { buffer: shared, callback } }
    this.socket = ca === undefined ? connect(how) : connectTls({ ...how, ca }).setNoDelay(true)
    this.socket.on(ca === undefined ? 'connect' : 'secureConnect', () => {
      this.socket.write(wire.greeting)
      if (wire.isJoined) this.settle?.resolve()
    })
    this.socket.on('error', (error) => this.fail(String(error)))
    this.socket.on('close', () => this.fail('the server hung up'))
  }

  get fault(): string | undefined {
    return this.wire.fault ?? this.gone
  }

  /** Resolves once it is in the room. */
  joined(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes)
  }

  stopReading(): void {
    this.socket.pause()
  }

  readOn(): void {
    this.socket.resume()
  }

  private read(chunk: Buffer): void {
    const { wire, options } = this
    const messages = wire.messages
    const wasJoined = wire.isJoined
    const answer = wire.read(chunk)
    if (answer !== undefined) this.socket.write(answer)
    if (!wasJoined) {
      if (wire.isJoined) this.settle?.resolve()
      else if (wire.fault !== undefined) this.fail(wire.fault)
    }
    options.heard(this, wire.messages - messages)
  }

  private fail(fault: string): void {
    this.gone ??= fault
    this.settle?.reject(new Error(fault))
    this.socket.destroy()
  }
}
