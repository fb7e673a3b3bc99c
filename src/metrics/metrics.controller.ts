import { Controller, Get, Header } from '@nestjs/common'
import { Registry } from 'prom-client'
import { MetricSet } from './metric-set.js'

/** Without a login, like health: the HTTP side listens on the loopback address unless somebody says otherwise. */
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricSet) {}

  /** All metrics in the text format of Prometheus; docs/OPERATIONS.md explains each. */
  @Get()
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  scrape(): Promise<string> {
    return this.metrics.text()
  }
}
