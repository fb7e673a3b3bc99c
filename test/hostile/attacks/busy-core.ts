/** No attack: this process works as hard as it can, and sends nothing. As long as most attacks last. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Attack } from '../attack.js'

/** As much as attackers compute between two turns of their event loop. */
const STRETCH_MS = 5

export const busyCore: Attack = {
  name: 'control, not judged: one core is busy, and nothing is sent',
  metrics: [],
  isControl: true,
  async run(scene) {
    const untilMs = performance.now() + scene.size(1_000, 10_000)
    while (performance.now() < untilMs) {
      const stretchEndsMs = performance.now() + STRETCH_MS
      while (performance.now() < stretchEndsMs);
      await nextTurn()
    }
  },
}
