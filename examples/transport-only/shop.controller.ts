import {
  BadGatewayException,
  BadRequestException,
  Body,
  ConflictException,
  Controller,
  Get,
  Inject,
  Param,
  Post,
  Put,
} from '@nestjs/common'
import { NestwireClient } from 'nestwire'
import { catchError, take, type Observable } from 'rxjs'
import { STOCK } from './shop.tokens.js'
import { StockPattern, type Stock } from './stock.contract.js'

/** `POST /orders`, `GET /stock/tea`, `PUT /stock`. */
@Controller()
export class ShopController {
  constructor(@Inject(STOCK) private readonly stock: NestwireClient) {}

  @Post('orders')
  order(@Body() reservation: unknown): Observable<Stock> {
    return this.stock.send<Stock>(StockPattern.Reserve, reservation ?? {}).pipe(
      catchError((error: { code?: string }) => {
        throw toHttpException(error)
      }),
    )
  }

  /** The first value of a stream; unsubscribing ends it in the other service. */
  @Get('stock/:item')
  left(@Param('item') item: string): Observable<Stock> {
    return this.stock.send<Stock>(StockPattern.Watch, item).pipe(take(1))
  }

  @Put('stock')
  restock(@Body() reservation: unknown): Observable<unknown> {
    return this.stock.emit(StockPattern.Restocked, reservation ?? {})
  }
}

function toHttpException(error: { readonly code?: string }): Error {
  if (error.code === 'NOT_ENOUGH') return new ConflictException(error)
  if (error.code === 'BAD_PAYLOAD') return new BadRequestException(error)
  return new BadGatewayException(error)
}
