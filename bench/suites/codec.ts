/** What the codec costs: frames beside its naive twin, bodies beside msgpackr and JSON. */
import { bodyCases } from '../codec/body-cases.js'
import { frameCases } from '../codec/frame-cases.js'
import { timeWork, type CodecCase } from '../codec/work.js'
import { interleave } from '../rounds.js'
import { ratiosOf, spread } from '../statistics.js'
import type { Row, Suite } from '../suite.js'

const FULL = { rounds: 9, roundMs: 200 }
const QUICK = { rounds: 5, roundMs: 20 }

export const codec: Suite = {
  question: 'ns to decode and encode a frame or a body, beside the naive twin, msgpackr and JSON',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const rows: Row[] = []
    for (const each of [...frameCases, ...bodyCases]) {
      progress(each.name)
      rows.push(...(await measure(each, params)))
    }
    return { params, rows, ratios: ratiosOf(rows, ['nsPerFrame', 'nsPerBody'], 'case'), failures: [] }
  },
}

async function measure({ name, figure, contestants }: CodecCase, { rounds, roundMs }: typeof FULL): Promise<Row[]> {
  const works = Object.entries(contestants)
  const measured = await interleave(works, rounds, ([, work]) => ({ [figure]: timeWork(work, roundMs) }))
  return measured.map(({ contestant: [who], results }) => ({ name: who, case: name, ...spread(results) }))
}
