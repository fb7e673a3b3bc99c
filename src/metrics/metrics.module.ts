import { Module } from '@nestjs/common'
import { AbuseModule } from '../abuse/abuse.module.js'
import { AuthModule } from '../auth/auth.module.js'
import { ClusterModule } from '../cluster/cluster.module.js'
import { DeliveryModule } from '../delivery/delivery.module.js'
import { LogModule } from '../log/log.module.js'
import { ResumeModule } from '../resume/resume.module.js'
import { RoomsModule } from '../rooms/rooms.module.js'
import { SessionsModule } from '../sessions/sessions.module.js'
import { AbuseMetrics } from './abuse-metrics.js'
import { ClusterMetrics } from './cluster-metrics.js'
import { ConfigMetrics } from './config-metrics.js'
import { ConnectionMetrics } from './connection-metrics.js'
import { DeliveryMetrics } from './delivery-metrics.js'
import { EventLoopMetrics } from './event-loop-metrics.js'
import { LogMetrics } from './log-metrics.js'
import { MetricSet } from './metric-set.js'
import { MetricsController } from './metrics.controller.js'
import { ProcessMetrics } from './process-metrics.js'
import { ReaderMetrics } from './reader-metrics.js'
import { RequestMetrics } from './request-metrics.js'
import { RoomMetrics } from './room-metrics.js'
import { SessionMetrics } from './session-metrics.js'
import { TlsMetrics } from './tls-metrics.js'
import { TrafficMetrics } from './traffic-metrics.js'

/** A subject is a provider that says in its constructor what can be read of it. Needs a `NestwireServer` among the global providers. */
@Module({
  imports: [
    AbuseModule,
    AuthModule,
    ClusterModule,
    DeliveryModule,
    LogModule,
    ResumeModule,
    RoomsModule,
    SessionsModule,
  ],
  controllers: [MetricsController],
  providers: [
    MetricSet,
    ConnectionMetrics,
    AbuseMetrics,
    TlsMetrics,
    TrafficMetrics,
    RequestMetrics,
    SessionMetrics,
    DeliveryMetrics,
    ReaderMetrics,
    RoomMetrics,
    LogMetrics,
    ClusterMetrics,
    EventLoopMetrics,
    ProcessMetrics,
    ConfigMetrics,
  ],
})
export class MetricsModule {}
