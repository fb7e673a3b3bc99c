/** Who may come back as who they were, and how many at once. The table of all settings is in `settings-schema.ts`. */
import { flag, text, wholeNumber } from './setting-types.js'
import { DAY_MS, type Setting } from './setting.js'

/** Whatever the setting says, no ticket is good for longer. */
export const MAX_TICKET_TTL_MS = DAY_MS

export const sessionSettings = {
  resume: {
    env: 'NESTWIRE_RESUME',
    type: flag(),
    default: true,
    effect: 'Whether a client that lost its connection may take its session up again with a ticket.',
    live: false,
  },
  ticketSecret: {
    env: 'NESTWIRE_TICKET_SECRET',
    type: text(32),
    default: undefined,
    effect:
      'Secret that tickets are signed with, 32 characters or more; without it one is made and kept in the data folder, mode 0600.',
    live: true,
    secret: true,
  },
  ticketTtlMs: {
    env: 'NESTWIRE_TICKET_TTL_MS',
    type: wholeNumber(1_000, MAX_TICKET_TTL_MS),
    default: 3_600_000,
    unit: 'ms',
    effect: 'Longest life of a ticket, which is renewed at half of it and never outlives the token.',
    live: true,
  },
  loginsPerSecond: {
    env: 'NESTWIRE_LOGINS_PER_SECOND',
    type: wholeNumber(1, 10_000_000),
    default: 20_000,
    unit: 'logins/s',
    effect: 'Logins and resumes taken in a second, all at once or spread; the rest is told when to come back.',
    live: true,
  },
} as const satisfies Record<string, Setting>
