import { Module } from '@nestjs/common'
import { AbuseModule } from '../abuse/abuse.module.js'
import { DeliveryModule } from '../delivery/delivery.module.js'
import { LogModule } from '../log/log.module.js'
import { RoomsModule } from '../rooms/rooms.module.js'
import { ChatController } from './chat.controller.js'
import { SendService } from './send.service.js'
import { HistoryTurns } from './history-turns.js'
import { HistoryService } from './history.service.js'
import { PublishRate } from './publish-rate.js'

@Module({
  imports: [AbuseModule, LogModule, DeliveryModule, RoomsModule],
  controllers: [ChatController],
  providers: [SendService, HistoryService, HistoryTurns, PublishRate],
})
export class ChatModule {}
