import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Admission, type AdmissionLimits, type Lane } from '../../src/delivery/admission.js'

const capacity = { maxBytes: 1_000, maxMessages: 100 }
const LIMITS: AdmissionLimits = {
  lanes: { high: capacity, normal: capacity, low: capacity },
  maxTotalBytes: 2_500,
  highFreePercent: 20,
  normalFreePercent: 10,
}
const admissionOf = (over: Partial<AdmissionLimits> = {}) => new Admission(() => ({ ...LIMITS, ...over }))
const outcome = (admission: Admission, lane: Lane, bytes: number): string => {
  const verdict = admission.admit(lane, bytes)
  return verdict.kind === 'admitted' ? verdict.lane : verdict.kind
}

describe('congestion', () => {
  test.each([
    { lane: 'high', bytes: 800, status: 'normal' },
    { lane: 'high', bytes: 801, status: 'congested' },
    { lane: 'normal', bytes: 900, status: 'normal' },
    { lane: 'normal', bytes: 901, status: 'congested' },
  ] as const)('with $bytes of 1,000 bytes in the $lane lane the router is $status', ({ lane, bytes, status }) => {
    const admission = admissionOf()
    admission.admit(lane, bytes)
    expect(admission.status).toBe(status)
  })

  test.each([
    { lane: 'high', messages: 80, status: 'normal' },
    { lane: 'high', messages: 81, status: 'congested' },
    { lane: 'normal', messages: 90, status: 'normal' },
    { lane: 'normal', messages: 91, status: 'congested' },
  ] as const)('with $messages of 100 messages in the $lane lane it is $status', ({ lane, messages, status }) => {
    const admission = admissionOf()
    for (let n = 0; n < messages; n += 1) admission.admit(lane, 1)
    expect(admission.status).toBe(status)
  })

  test('a full low lane congests nobody', () => {
    const admission = admissionOf()
    admission.admit('low', 1_000)
    expect(admission.status).toBe('normal')
  })

  test('ends when enough was released', () => {
    const admission = admissionOf()
    admission.admit('normal', 901)
    admission.release('normal', 901)
    expect(admission.status).toBe('normal')
    expect(admission.heldBytes).toBe(0)
  })
})

describe('priorities', () => {
  test('high enters when congested, and waits only for its own lane', () => {
    const admission = admissionOf()
    admission.admit('normal', 1_000)
    expect(outcome(admission, 'high', 1_000)).toBe('high')
    expect(outcome(admission, 'high', 1)).toBe('wait')
  })

  test('normal is degraded when congested, and refused when the low lane is full too', () => {
    const admission = admissionOf()
    admission.admit('normal', 950)
    expect(admission.admit('normal', 10)).toEqual({ kind: 'admitted', lane: 'low', isDegraded: true })
    expect(outcome(admission, 'normal', 990)).toBe('low')
    expect(outcome(admission, 'normal', 1)).toBe('refused')
  })

  test('low is refused when congested', () => {
    const admission = admissionOf()
    admission.admit('normal', 900)
    expect(outcome(admission, 'low', 1)).toBe('low')
    admission.admit('normal', 1)
    expect(outcome(admission, 'low', 1)).toBe('refused')
  })

  test('the total bounds all lanes together', () => {
    const admission = admissionOf({ highFreePercent: 0, normalFreePercent: 0 })
    admission.admit('high', 1_000)
    admission.admit('normal', 1_000)
    expect(outcome(admission, 'low', 501)).toBe('refused')
    expect(outcome(admission, 'low', 500)).toBe('low')
    expect(outcome(admission, 'normal', 1)).toBe('refused')
  })

  test('an empty router takes one message of any size', () => {
    expect(outcome(admissionOf(), 'normal', 1_000_000)).toBe('normal')
  })
})

/** The rules again, as a reader would write them down. */
class Model {
  readonly held: { readonly lane: Lane; readonly bytes: number }[] = []
  private sum = (of: Lane | 'all', what: 'bytes' | 'messages'): number =>
    this.held
      .filter(({ lane }) => of === 'all' || lane === of)
      .reduce((sum, { bytes }) => sum + (what === 'bytes' ? bytes : 1), 0)
  private freePercent = (lane: Lane): number =>
    Math.min(1_000 - this.sum(lane, 'bytes'), (100 - this.sum(lane, 'messages')) * 10) / 10
  get isCongested(): boolean {
    return this.freePercent('high') < 20 || this.freePercent('normal') < 10
  }
  private fits = (lane: Lane, bytes: number): boolean =>
    this.held.length === 0 ||
    (this.sum(lane, 'bytes') + bytes <= 1_000 &&
      this.sum(lane, 'messages') < 100 &&
      this.sum('all', 'bytes') + bytes <= 2_500)
  admit(wanted: Lane, bytes: number): string {
    const tries: Lane[] = wanted === 'normal' ? (this.isCongested ? ['low'] : ['normal', 'low']) : [wanted]
    const lane = wanted === 'low' && this.isCongested ? undefined : tries.find((each) => this.fits(each, bytes))
    if (lane !== undefined) this.held.push({ lane, bytes })
    return lane ?? (wanted === 'high' ? 'wait' : 'refused')
  }
}

test('agrees with the model whatever is admitted and released', () => {
  const step = fc.record({
    lane: fc.constantFrom('high', 'normal', 'low'),
    bytes: fc.integer({ min: 1, max: 300 }),
    isRelease: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const [admission, model] = [admissionOf(), new Model()]
      for (const { lane, bytes, isRelease } of steps) {
        const oldest = isRelease ? model.held.shift() : undefined
        if (oldest !== undefined) admission.release(oldest.lane, oldest.bytes)
        const [actual, modelled] =
          oldest === undefined ? [outcome(admission, lane, bytes), model.admit(lane, bytes)] : []
        expect(actual).toBe(modelled)
        expect(admission.status).toBe(model.isCongested ? 'congested' : 'normal')
      }
    }),
  )
})
