/**
 * A slow, obvious twin of the codec, to test and to measure the fast one against. It interprets the grammar as
 * `docs/PROTOCOL.md` prints it, field by field, on DataViews and bigints, and shares nothing with the fast one but the
 * rule for names.
 */
export { naiveDecodeFrames, naiveDecodePacket, NaiveFault, type NaiveFrame, type NaivePacket } from './naive-decode.js'
export { naiveEncodePacket } from './naive-encode.js'
