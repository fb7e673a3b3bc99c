import { Module } from '@nestjs/common'
import { LogModule } from '../log/log.module.js'
import { ClusterRouter } from './cluster-router.js'
import { ClusterController } from './cluster.controller.js'
import { NodeDirectory } from './node-directory.js'
import { OwnNode } from './own-node.js'

@Module({
  imports: [LogModule],
  controllers: [ClusterController],
  providers: [NodeDirectory, OwnNode, ClusterRouter],
  exports: [OwnNode, ClusterRouter, NodeDirectory],
})
export class ClusterModule {}
