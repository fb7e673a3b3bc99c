import type { Clock } from '../clock.js'
import { Alarm } from './alarm.js'
import { TimeoutError } from './errors.js'

/** Settles as `task` does, or rejects with DEADLINE_EXCEEDED once the time is over; at most 10 ms late. */
export function within<Value>(deadlineMs: number | undefined, clock: Clock, task: Promise<Value>): Promise<Value> {
  if (deadlineMs === undefined) return task
  return new Promise((resolve, reject) => {
    const late = new TimeoutError('DEADLINE_EXCEEDED', 'no answer came in time')
    const alarm = new Alarm(clock, () => reject(late))
    alarm.setBy(clock.uptimeMs() + deadlineMs)
    void task.then(resolve, reject).finally(() => alarm.clear())
  })
}
