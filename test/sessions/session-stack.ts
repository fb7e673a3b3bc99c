import { MemoryStateStore } from '../../src/log/memory-state-store.js'
import type { StateStore } from '../../src/log/state-store.js'
import { SessionGenerations } from '../../src/sessions/session-generations.js'
import { SessionsService } from '../../src/sessions/sessions.service.js'
import { ManualClock } from '../support/manual-clock.js'

/** Sessions over a store in memory. */
export function startSessions(clock = new ManualClock(), store: StateStore = new MemoryStateStore()): SessionsService {
  return new SessionsService(new SessionGenerations(store, clock))
}
