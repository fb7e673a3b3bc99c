/** By what an address is known where it is counted. Pure. */

const GROUPS = 8
/** Whoever has one address of IPv6 usually has this many bits of them to choose from: a /64. */
const COUNTED_GROUPS = 4
const MAPPED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i
/** Where a translator puts all of IPv4 (RFC 6052), to be written with dots or without. */
const TRANSLATED = /^64:ff9b::(?:(\d{1,3}(?:\.\d{1,3}){3})|(?:([\da-f]{1,4}):)?([\da-f]{1,4}))$/i

/**
 * IPv4 as it is, also where a listener on `::` sees it mapped into IPv6 or comes from behind a translator; of IPv6 the network, as `2001:db8:0:1::/64`.
 * Anything else, such as the address of a socket that is gone, is its own key.
 */
export function addressKeyOf(address: string): string {
  const mapped = MAPPED.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const translated = TRANSLATED.exec(address)
  if (translated !== null) return translated[1] ?? dotted(translated[2], translated[3])
  if (!address.includes(':')) return address
  const [text = ''] = address.split(/[%/]/)
  const [head = '', tail] = text.split('::')
  const [before, after] = [groupsOf(head), groupsOf(tail ?? '')]
  // An IPv4 tail takes the place of two groups, which are never among the first four.
  const given = before.length + after.length + (text.includes('.') ? 1 : 0)
  const zeros = tail === undefined ? 0 : Math.max(0, GROUPS - given)
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after]
  return `${groups.slice(0, COUNTED_GROUPS).map(withoutZeros).join(':')}::/64`
}

const groupsOf = (text: string): readonly string[] => (text === '' ? [] : text.split(':'))
const withoutZeros = (group: string): string => group.toLowerCase().replace(/^0+(?=.)/, '')
const dotted = (high = '0', low = '0'): string =>
  [parseInt(high, 16), parseInt(low, 16)].flatMap((half) => [half >>> 8, half & 0xff]).join('.')
