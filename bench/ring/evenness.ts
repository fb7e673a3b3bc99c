/** How many of many random rings are even enough, by the exact lengths of their arcs. */
import { maxOverMean, randomNodes, ringShares } from '../../test/support/ring-shares.js'
import { Random } from '../../test/torture/random.js'
import { median, percentile, rounded } from '../statistics.js'
import { OURS, type Row } from '../suite.js'

const SEED = 1
const NODES = 10
/** What issue 5 asks for. */
const MAX_OVER_MEAN = 1.15
/** What a node takes along when it leaves may exceed 1/N by so much of all keys. */
const SPARE_SHARE = 0.02

export function evenness(virtualNodes: number, rings: number): Row {
  const random = new Random(SEED)
  const shares = (nodes: number): number[] => ringShares(randomNodes(random, nodes), virtualNodes)
  const ofTen = Array.from({ length: rings }, () => maxOverMean(shares(NODES)))
  const ofThree = Array.from({ length: rings }, () => Math.max(...shares(3)) - 1 / 3)
  const percentAbove = (samples: readonly number[], bound: number): number =>
    rounded((samples.filter((sample) => sample > bound).length / samples.length) * 100)
  return {
    name: OURS,
    virtualNodes,
    percentAboveAim: percentAbove(ofTen, MAX_OVER_MEAN),
    maxOverMeanP50: rounded(median(ofTen)),
    maxOverMeanP99: rounded(percentile(ofTen, 0.99)),
    maxOverMeanMax: rounded(Math.max(...ofTen)),
    threeNodesPercentAbove: percentAbove(ofThree, SPARE_SHARE),
  }
}
