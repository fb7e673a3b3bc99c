import { Module } from '@nestjs/common'
import { AbuseModule } from '../abuse/abuse.module.js'
import { AuthModule } from '../auth/auth.module.js'
import { DeliveryModule } from '../delivery/delivery.module.js'
import { RoomsModule } from '../rooms/rooms.module.js'
import { SessionsModule } from '../sessions/sessions.module.js'
import { AdminGuard } from './admin.guard.js'
import { BackoffsController } from './backoffs.controller.js'
import { ConfigController } from './config.controller.js'
import { ConnectionsController } from './connections.controller.js'
import { RoomsAdminController } from './rooms.controller.js'

/** For modules with controllers under `/admin`: `@UseGuards(AdminGuard)` there finds here what it needs. */
@Module({
  imports: [AuthModule, AbuseModule, DeliveryModule, RoomsModule, SessionsModule],
  controllers: [ConfigController, ConnectionsController, RoomsAdminController, BackoffsController],
  providers: [AdminGuard],
  exports: [AdminGuard, AuthModule],
})
export class AdminModule {}
