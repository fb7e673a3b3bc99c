import { Controller } from '@nestjs/common'
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices'
import { PayloadPipe } from 'nestwire'
import type { Observable } from 'rxjs'
import { z } from 'zod'
import { Reservation, StockPattern, type Stock } from './stock.contract.js'
import { StockService } from './stock.service.js'

@Controller()
export class StockController {
  constructor(private readonly stock: StockService) {}

  @MessagePattern(StockPattern.Reserve)
  reserve(@Payload(new PayloadPipe(Reservation)) reservation: Reservation): Stock {
    return this.stock.reserve(reservation)
  }

  /** Goes on until the caller unsubscribes or is gone. */
  @MessagePattern(StockPattern.Watch)
  watch(@Payload(new PayloadPipe(z.string())) item: string): Observable<Stock> {
    return this.stock.watch(item)
  }

  @EventPattern(StockPattern.Restocked)
  restocked(@Payload(new PayloadPipe(Reservation)) reservation: Reservation): void {
    this.stock.restock(reservation)
  }
}
