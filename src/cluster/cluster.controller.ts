import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices'
import type { z } from 'zod'
import { Settings } from '../config/settings.js'
import { ErrorCode } from '../protocol/error-codes.js'
import { NESTWIRE_TRANSPORT } from '../transport/nestwire-transport.js'
import { NestwireContext } from '../transport/nestwire.context.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { PayloadPipe } from '../transport/payload.pipe.js'
import { ClusterRouter, type Route } from './cluster-router.js'
import { clusterPayloads, type NodesReply } from './cluster.contract.js'
import { listedNodes, nodesThatFit } from './listed-nodes.js'
import { NodeDirectory } from './node-directory.js'

/** Payloads, replies and errors of each pattern: `docs/PATTERNS.md`. */
@Controller()
export class ClusterController {
  constructor(
    private readonly router: ClusterRouter,
    private readonly directory: NodeDirectory,
    private readonly settings: Settings,
  ) {}

  @MessagePattern('cluster.nodes', NESTWIRE_TRANSPORT)
  nodes(
    @Payload(new PayloadPipe(clusterPayloads['cluster.nodes'])) _nothing: unknown,
    @Ctx() context: NestwireContext,
  ): NodesReply {
    this.refuseStrangers(context)
    const limit = nodesThatFit(this.settings.current.transport.maxFrameBytes)
    return { nodes: listedNodes(this.router.nodes(), { limit, ownId: this.directory.own?.id }) }
  }

  @MessagePattern('cluster.route', NESTWIRE_TRANSPORT)
  route(
    @Payload(new PayloadPipe(clusterPayloads['cluster.route']))
    { user }: z.output<(typeof clusterPayloads)['cluster.route']>,
    @Ctx() context: NestwireContext,
  ): Route {
    this.refuseStrangers(context)
    const caller = context.getPrincipal()
    if (caller?.role === 'user' && caller.user !== user) throw forbidden('users may ask about themselves')
    const route = this.router.route(user)
    if (route === undefined) throw new NestwireException(ErrorCode.Draining, 'no node takes clients')
    return route
  }

  private refuseStrangers(context: NestwireContext): void {
    if (context.getPrincipal() === undefined) throw forbidden('needs a login')
    if (this.router.isAlone) throw new NestwireException(ErrorCode.FeatureOff, 'this server is in no cluster')
  }
}

const forbidden = (reason: string): NestwireException => new NestwireException(ErrorCode.Forbidden, reason)
