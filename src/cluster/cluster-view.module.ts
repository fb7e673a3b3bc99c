import { Module } from '@nestjs/common'
import { LogModule } from '../log/log.module.js'
import { ClusterViewController } from './cluster-view.controller.js'
import { ClusterModule } from './cluster.module.js'

@Module({ imports: [LogModule, ClusterModule], controllers: [ClusterViewController] })
export class ClusterViewModule {}
