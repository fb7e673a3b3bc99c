/** What a pool counts, as Prometheus reads it: for the metrics page of the application, whatever library makes that. */
import type { PoolFigures } from './connection-pool.js'

/** Version 0.0.4 of the text format, each line ended. Names begin with `prefix`, which tells clients of one process apart. */
export function poolMetricsText(figures: PoolFigures, prefix: string): string {
  const gauges: readonly (readonly [name: string, help: string, value: number])[] = [
    ['connections', 'Connections that take calls', figures.connections],
    ['connections_leaving', 'Connections whose servers go away', figures.leaving],
    ['connections_opening', 'Connections that are being opened', figures.connecting],
    ['calls_in_flight', 'Calls without their last answer', figures.inFlight],
    ['calls_waiting', 'Calls that wait for a connection or their next try', figures.waiting],
  ]
  const lines = gauges.flatMap(([name, help, value]) => [
    `# HELP ${prefix}_${name} ${help}`,
    `# TYPE ${prefix}_${name} gauge`,
    `${prefix}_${name} ${value}`,
  ])
  const histogram = `${prefix}_acquire_seconds`
  lines.push(`# HELP ${histogram} How long calls waited for a connection`, `# TYPE ${histogram} histogram`)
  for (const [bound, count] of figures.acquireSeconds.cumulative()) {
    lines.push(`${histogram}_bucket{le="${bound === Infinity ? '+Inf' : bound}"} ${count}`)
  }
  lines.push(`${histogram}_sum ${figures.acquireSeconds.sum}`, `${histogram}_count ${figures.acquireSeconds.count}`)
  return `${lines.join('\n')}\n`
}
