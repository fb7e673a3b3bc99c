/**
 * Which node a user belongs to, and who tidies up a room: by the ring of the nodes that are up and not draining. A pure look
 * at the directory; a node that is alone has everybody here.
 */
import { Inject, Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { RoomOwnership } from '../log/room-ownership.js'
import { SHARING } from '../log/room-log.token.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId, UserId } from '../protocol/ids.js'
import type { Principal } from '../transport/authentication.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { NodeDirectory, type KnownNode } from './node-directory.js'
import type { NodeId } from './node-id.js'

/** Nodes whose views differ send a client on no more often than this. */
const MAX_REDIRECTS = 2

export interface Route {
  readonly node: NodeId
  /** `host:port`. */
  readonly address: string
}

export type Place = { readonly kind: 'here' } | { readonly kind: 'elsewhere'; readonly address: string }

const HERE: Place = { kind: 'here' }

@Injectable()
export class ClusterRouter {
  readonly isAlone: boolean
  private sent = 0

  constructor(
    private readonly directory: NodeDirectory,
    private readonly settings: Settings,
    ownership: RoomOwnership,
    // Not `Sharing`, whose types are those of the NATS client: this class is part of the library.
    @Inject(SHARING) { kind }: { readonly kind: 'alone' | 'cluster' },
  ) {
    this.isAlone = kind === 'alone'
    if (!this.isAlone) ownership.decideBy((room) => this.isMine(room))
  }

  /** How many connections were sent to another node. */
  get redirectsSent(): number {
    return this.sent
  }

  /** Where a user belongs; `undefined` if this node is alone, or none takes clients. */
  route(user: UserId): Route | undefined {
    const { ring, nodes } = this.directory.placement
    const owner = ring.ownerOf(user)
    const node = owner === undefined ? undefined : nodes.get(owner)
    return node === undefined ? undefined : { node: node.name, address: node.address }
  }

  /** All that are up or draining, this one included, by name; none if this node is alone. */
  nodes(): readonly KnownNode[] {
    return this.directory.nodes.filter(({ state }) => state !== 'silent')
  }

  /** Where a user who came to this node after `redirects` is to be served. */
  placeOf(user: UserId, redirects: number): Place {
    if (redirects >= MAX_REDIRECTS || !this.mayRedirect) return HERE
    const route = this.route(user)
    return route === undefined || route.node === this.directory.own?.name
      ? HERE
      : { kind: 'elsewhere', address: route.address }
  }

  /** Sends the connection to where its user belongs, by CLOSE and an exception. Services and admins may be anywhere. */
  refuseElsewhere(connection: ConnectionHandle, { user, role }: Principal, redirects: number): void {
    const place = role === 'user' ? this.placeOf(user, redirects) : HERE
    if (place.kind === 'here') return
    this.sent += 1
    connection.redirect(place.address)
    throw new NestwireException(ErrorCode.Forbidden, `the user belongs to the node at ${place.address}`)
  }

  /** Where a client goes when this node drains; `undefined`: wherever it likes. */
  targetOf({ principal }: ConnectionHandle): string | undefined {
    return principal?.role === 'user' && this.mayRedirect ? this.route(principal.user)?.address : undefined
  }

  /** With nobody to take it, a room is everybody's. */
  private isMine(room: RoomId): boolean {
    const owner = this.directory.placement.ring.ownerOf(room)
    return owner === undefined || owner === this.directory.own?.name
  }

  private get mayRedirect(): boolean {
    return this.settings.current.cluster.routing === 'redirect'
  }
}
