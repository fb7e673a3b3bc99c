import { Injectable } from '@nestjs/common'
import { RpcException } from '@nestjs/microservices'
import { Subject, filter, map, startWith, type Observable } from 'rxjs'
import type { Reservation, Stock } from './stock.contract.js'

@Injectable()
export class StockService {
  private readonly items = new Map([
    ['tea', 10],
    ['coffee', 3],
  ])
  private readonly changes = new Subject<string>()

  /** All that was asked for, or an error that says how many there are. */
  reserve({ item, count }: Reservation): Stock {
    const left = this.leftOf(item)
    if (left < count) throw new RpcException({ code: 'NOT_ENOUGH', item, left })
    this.items.set(item, left - count)
    this.changes.next(item)
    return { item, left: left - count }
  }

  restock({ item, count }: Reservation): void {
    this.items.set(item, this.leftOf(item) + count)
    this.changes.next(item)
  }

  /** What is left, now and after each change. */
  watch(item: string): Observable<Stock> {
    return this.changes.pipe(
      filter((changed) => changed === item),
      startWith(item),
      map(() => ({ item, left: this.leftOf(item) })),
    )
  }

  private leftOf(item: string): number {
    return this.items.get(item) ?? 0
  }
}
