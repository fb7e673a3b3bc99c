/**
 * Signals on core NATS: a subject for each room, and one that all nodes hear, for presence. A payload begins with who sent
 * it, since the server sends it back to us, too.
 */
import { randomBytes } from 'node:crypto'
import type { NatsLink } from '../log/jetstream/nats-link.js'
import { RoomSubjects } from '../log/jetstream/room-subjects.js'
import type { RoomId } from '../protocol/ids.js'
import { parseNodeId, type NodeId } from './node-id.js'
import { RoomSignals, type SignalListener } from './room-signals.js'

const SENDER_RANDOM_BYTES = 9
/** In base64url. */
const SENDER_BYTES = 12

/** The others as a whole. */
export interface AllNodes {
  /** How they know this one. */
  readonly self: NodeId
  /** False while they cannot be heard, whatever they say. */
  readonly isConnected: boolean
  publish(payload: Buffer): void
  listen(listener: SignalListener): () => void
}

export class NatsSignals extends RoomSignals {
  readonly allNodes: AllNodes
  private readonly subjects: RoomSubjects
  private readonly self = newSender()
  private readonly prefix = Buffer.from(this.self)

  constructor(
    private readonly link: NatsLink,
    cluster: string,
  ) {
    super()
    const subjects = new RoomSubjects(cluster)
    this.subjects = subjects
    this.allNodes = {
      self: this.self,
      get isConnected() {
        return link.fault() === undefined
      },
      publish: (payload) => this.send(subjects.presence, payload),
      listen: (listener) => this.hear(subjects.presence, listener),
    }
  }

  override publish(room: RoomId, payload: Buffer): void {
    this.send(this.subjects.signal(room), payload)
  }

  override listen(room: RoomId, listener: SignalListener): () => void {
    return this.hear(this.subjects.signal(room), listener)
  }

  private send(subject: string, payload: Buffer): void {
    // While NATS is away the library would keep it for later.
    if (this.allNodes.isConnected) this.link.connection.publish(subject, Buffer.concat([this.prefix, payload]))
  }

  private hear(subject: string, listener: SignalListener): () => void {
    const { connection } = this.link
    if (connection.isClosed()) return () => undefined
    const subscription = connection.subscribe(subject, {
      callback: (error, { data }) => {
        if (error !== null) return
        const sender = parseNodeId(Buffer.from(data.subarray(0, SENDER_BYTES)).toString('latin1'))
        if (sender !== undefined && sender !== this.self) listener(Buffer.from(data.subarray(SENDER_BYTES)), sender)
      },
    })
    return () => subscription.unsubscribe()
  }
}

function newSender(): NodeId {
  const sender = parseNodeId(randomBytes(SENDER_RANDOM_BYTES).toString('base64url'))
  if (sender === undefined) throw new Error('base64url has only characters of node ids')
  return sender
}
