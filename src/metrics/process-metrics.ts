/**
 * The process, under the names that everybody uses. Not by `collectDefaultMetrics` of prom-client, which lists all handles
 * and descriptors at each scrape (20 to 40 ms with 19,000 of these) and starts what cannot be stopped.
 */
import { readFileSync, statSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import { Injectable } from '@nestjs/common'
import { packageVersion } from '../package-version.js'
import { MetricSet } from './metric-set.js'
import { memoryLimitBytes, ownMemoryBytes } from './process-memory.js'

@Injectable()
export class ProcessMetrics {
  constructor(set: MetricSet) {
    const version = packageVersion()
    const startedAt = Date.now() / 1000 - process.uptime()
    set.gauge('process_start_time_seconds', 'When the process was started, in Unix time.', () => startedAt)
    set.counter('process_cpu_seconds_total', 'Processor time spent.', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
    const memory = (name: string, help: string, kind: keyof NodeJS.MemoryUsage): void =>
      set.gauge(name, help, () => process.memoryUsage()[kind])
    memory('process_resident_memory_bytes', 'Memory in all.', 'rss')
    memory('nodejs_heap_size_total_bytes', 'The heap of V8.', 'heapTotal')
    memory('nodejs_heap_size_used_bytes', 'What of it is in use.', 'heapUsed')
    memory('nodejs_external_memory_bytes', 'Memory of objects outside of the heap, such as buffers.', 'external')
    const heapLimit = getHeapStatistics().heap_size_limit
    set.gauge('nodejs_heap_size_limit_bytes', 'Beyond it V8 ends the process.', () => heapLimit)
    set.gauge('nestwire_memory_bytes', 'Memory in all, without mapped files.', ownMemoryBytes)
    set.gauge('nestwire_memory_max_bytes', 'Memory of the container, else of the machine.', memoryLimitBytes)
    if (openDescriptors() > 0) set.gauge('process_open_fds', 'Descriptors in use.', openDescriptors)
    const maxDescriptors = descriptorLimit()
    if (maxDescriptors > 0) set.gauge('process_max_fds', 'Descriptors there may be.', () => maxDescriptors)
    set.gauges('nestwire_build_info', 'Always 1; the labels tell what is running.', {
      labelNames: ['version', 'node'],
      read: () => [{ labels: { version, node: process.version }, figure: 1 }],
    })
  }
}

/** Linux tells the number as the size of the folder since 6.2; 0: nobody tells. */
function openDescriptors(): number {
  try {
    return statSync('/proc/self/fd').size
  } catch {
    return 0
  }
}

/** `Max open files  <soft>  <hard>  files`; 0: nobody tells, or there is no limit. */
function descriptorLimit(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
